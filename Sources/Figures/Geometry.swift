/// A rectangle in points from the top left.
public struct Rectangle: Sendable, Hashable {
  /// Left edge, top edge, width, height.
  public var x: Double, y: Double, width: Double, height: Double

  /// A rectangle.
  public init(x: Double, y: Double, width: Double, height: Double) {
    (self.x, self.y, self.width, self.height) = (x, y, width, height)
  }

  /// Right edge.
  public var maxX: Double { x + width }
  /// Bottom edge.
  public var maxY: Double { y + height }
  /// Horizontal middle.
  public var midX: Double { x + width / 2 }
  /// Vertical middle.
  public var midY: Double { y + height / 2 }

  /// Whether two rectangles share more than an edge.
  public func overlaps(_ other: Rectangle, slack: Double = 0) -> Bool {
    x + slack < other.maxX && other.x + slack < maxX && y + slack < other.maxY
      && other.y + slack < maxY
  }

  /// Whether `other` lies within.
  public func contains(_ other: Rectangle) -> Bool {
    other.x >= x && other.y >= y && other.maxX <= maxX && other.maxY <= maxY
  }
}

/// Space needed around a panel.
struct Insets {
  var top = 0.0
  var left = 0.0
  var bottom = 0.0
  var right = 0.0
}
