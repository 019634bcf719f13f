using System;
using System.Collections.Generic;
using static System.Math;
using Text = System.Text.StringBuilder;
global using A.B;

namespace Geometry.Shapes
{
    /// <summary>
    /// A shape.
    /// </summary>
    [Serializable]
    public abstract class Shape<T> : Base<T>, IShape, Lib.Other where T : new()
    {
        public const int Limit = 3;
        private readonly List<Point> points = new List<Point>(), more;
        /// <summary>Its name.</summary>
        public string Name { get; set; } = "x";
        public int Size => Count(points);
        public event EventHandler Changed;
        public Shape(string name) : base(name) { Name = name; }
        ~Shape() { }
        // Measures it.
        public virtual double Area(double scale = 1.0, params Point[] rest)
        {
            int Twice(int x) => x * 2;
            var p = new Point(1);
            Text? q = null;
            foreach (var point in points) { point?.Draw<int>(scale); }
            for (int i = 0; i < 3; i++) { }
            try { Run(); } catch (Exception error) { throw; }
            using (var f = Open()) { }
            if (p is Point other && int.TryParse("1", out var n)) { }
            points.Select(each => each.X).Where((a, b) => a);
            var (u, v) = Pair();
            var result = from item in points where item.X > 0 select item;
            return Scale.Of(p);
        }
        public static Shape<T> operator +(Shape<T> a, Shape<T> b) => a;
        public int this[int index] => index;
    }
    public interface IShape { double Area(double scale); string Label { get; } }
    public struct Point { public int X, Y; }
    public record Pair(int Left, int Right);
    public enum Color { Red = 1, Green }
    public delegate void Handler(object sender);
}
