/// A contiguous array of `Element` in C order (the last axis varies fastest).
public struct NDArray<Element: Sendable>: Sendable {
  /// Lengths of the axes, slowest first. A scalar has none.
  public let shape: [Int]
  /// The elements in C order; `shape`'s product long.
  public var elements: [Element]

  /// An array over existing elements. Traps when their number is not the product of `shape`.
  public init(shape: [Int], elements: [Element]) {
    precondition(shape.reduce(1, *) == elements.count, "shape and element count differ")
    self.shape = shape
    self.elements = elements
  }

  /// An array with every element equal to `value`.
  public init(shape: [Int], repeating value: Element) {
    self.init(shape: shape, elements: Array(repeating: value, count: shape.reduce(1, *)))
  }

  /// Number of axes.
  public var rank: Int { shape.count }
  /// Number of elements.
  public var count: Int { elements.count }

  /// The element at one index an axis.
  public subscript(_ indices: Int...) -> Element {
    get { elements[offset(indices)] }
    set { elements[offset(indices)] = newValue }
  }

  /// The sub-array at position `index` of the first axis, as a copy: `[n, ...] -> [...]`.
  public func row(_ index: Int) -> NDArray {
    let size = shape.dropFirst().reduce(1, *)
    return NDArray(
      shape: Array(shape.dropFirst()),
      elements: Array(elements[index * size..<(index + 1) * size]))
  }

  /// The same elements under another shape. Traps when the number of elements differs.
  public func reshaped(_ shape: [Int]) -> NDArray { NDArray(shape: shape, elements: elements) }

  private func offset(_ indices: [Int]) -> Int {
    precondition(indices.count == shape.count, "one index an axis")
    var offset = 0
    for (index, length) in zip(indices, shape) {
      precondition(index >= 0 && index < length, "index outside the axis")
      offset = offset * length + index
    }
    return offset
  }
}
