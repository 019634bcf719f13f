import Foundation
import struct Lib.Point
@testable import Core.Sub

let limit = 3
public var counter: Int = 0

/// A shape.
///
/// More.
@objc public class Shape<T: Sized>: Base, Drawable {
    static let sides = 4
    var name: String
    private(set) var (a, b) = (1, 2)
    lazy var size: Int = { return 1 }()
    var computed: Double { return helper(size) }
    typealias Item = Point
    enum Kind: Int { case red = 1, green; case blue(Int) }

    /// Makes it.
    init(name: String, size: Int = 1) { self.name = name }
    deinit { }

    // Measures it.
    public override func area(of scale: Double = 1.0, _ rest: Point...) throws -> Double {
        let total = helper(scale)
        var (x, y) = pair()
        for point in points where point.x > 0 { point.draw(total) }
        if let first = points.first, case .some(let second) = other { }
        guard let third = third else { return 0 }
        let mapped = points.map { one in one.x * 2 }
        let m2 = points.map { (p: Point, q) -> Int in p.x }
        do { try run() } catch let error as Failed { log(error) }
        switch kind { case .blue(let n): print(n) default: break }
        func inner(_ q: Int) -> Int { q }
        return Scale.of(Point(x: 1)).value
    }
    subscript(index: Int) -> Int { index }
    static func == (lhs: Shape, rhs: Shape) -> Bool { true }
}
struct Point { let x: Int; let y: Int }
protocol Drawable: AnyObject { associatedtype Item; var label: String { get }; func draw(_ total: Double) -> Bool; init(x: Int) }
extension Shape: Comparable where T: Equatable { func compare(to other: Shape) -> Int { 0 } }
extension Lib.Other { var extra: Int { 1 } }
actor Store { func save() async { } }
indirect enum Tree { case leaf, node(Tree) }
func helper(_ x: Double) -> Double { x }
@freestanding(expression) macro stringify<T>(_ value: T) -> (T, String) = #externalMacro(module: "M", type: "S")
