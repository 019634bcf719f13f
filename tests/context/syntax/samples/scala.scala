package geometry.shapes

import scala.collection.mutable
import scala.util.{Try, Success => Ok, Failure as Bad, _}
import lib._
import lib.given
import lib.Tools as T
import a.b.Deep

/** A shape.
  *
  * More.
  */
@deprecated("x")
abstract class Shape[T <: Sized](val name: String, size: Int = 1) extends Base[T](name) with Drawable with lib.Other {
  val sides = 4
  private var count: Int = 0
  lazy val total: Double = helper(count)
  val (a, b) = (1, 2)
  type Item = Point
  def this(x: Int) = this(x.toString)

  // Measures it.
  override def area(scale: Double = 1.0)(implicit rest: Point*): Double = {
    val sum = helper(scale)
    for { point <- points; y = point.x if y > 0 } yield point.draw(sum)
    points.map(each => each.x * 2).foreach { case Point(u, v) => println(u) }
    try run() catch { case error: Failed => log(error) }
    kind match { case Red(n) => n; case other => 0 }
    def inner(q: Int): Int = q
    new Point(1).value
    Scale.of[Int](sum)
  }
  def hidden: Int
}
object Shape { val Limit = 3; def raw = result; def apply(name: String): Shape[Int] = new Shape(name) {} }
case class Point(x: Int, y: Int)
trait Drawable { def draw(total: Double): Boolean; val label: String }
enum Color(val rgb: Int) { case Red extends Color(1); case Green, Blue }
case object Done extends Drawable
given ordering: Ordering[Point] = Ordering.by(_.x)
extension (p: Point) def norm: Double = p.x
def helper(x: Double): Double = x
val limit = 3
