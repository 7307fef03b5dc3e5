import Arrays

/// Compares numbers of one type, block by block, without turning them into another.
struct ValueComparison {
  private let type: ElementType
  /// Largest difference of whole numbers.
  private var whole: UInt64 = 0
  /// Largest difference of other numbers; infinite where one side is no number.
  private var real = 0.0
  /// Where the largest difference is, counted in C order.
  private var index: Int?
  private var payloads = 0
  private var zeros = 0
  private var different = 0

  init(_ type: ElementType) { self.type = type }

  /// Adds a block of two arrays of `shape`.
  mutating func add(
    _ x: [UInt8], _ y: [UInt8], at block: (start: [Int], count: [Int]), of shape: [Int]
  ) {
    guard x != y else { return }
    func index(_ offset: Int) -> Int {
      // Place in the block, then in the whole.
      var (rest, place, width) = (offset, 0, 1)
      for axis in shape.indices.reversed() {
        place += (block.start[axis] + rest % block.count[axis]) * width
        rest /= block.count[axis]
        width *= shape[axis]
      }
      return place
    }
    switch type {
    case .int8: compare(x, y, Int8.self, index)
    case .uint8: compare(x, y, UInt8.self, index)
    case .int16: compare(x, y, Int16.self, index)
    case .uint16: compare(x, y, UInt16.self, index)
    case .int32: compare(x, y, Int32.self, index)
    case .uint32: compare(x, y, UInt32.self, index)
    case .int64: compare(x, y, Int64.self, index)
    case .uint64: compare(x, y, UInt64.self, index)
    case .float16: compare(x, y, UInt16.self, index) { Double(Float16(bitPattern: $0)) }
    case .bfloat16: compare(x, y, UInt16.self, index) { Double(BFloat16(bitPattern: $0).float) }
    case .float32: compare(x, y, UInt32.self, index) { Double(Float(bitPattern: $0)) }
    case .float64: compare(x, y, UInt64.self, index) { Double(bitPattern: $0) }
    case .utf8: break
    }
  }

  private mutating func compare<Number: FixedWidthInteger>(
    _ x: [UInt8], _ y: [UInt8], _: Number.Type, _ place: (Int) -> Int
  ) {
    x.withUnsafeBytes { x in
      y.withUnsafeBytes { y in
        let (a, b) = (x.bindMemory(to: Number.self), y.bindMemory(to: Number.self))
        for i in a.indices where a[i] != b[i] {
          different += 1
          let difference =
            UInt64(
              truncatingIfNeeded: a[i] > b[i] ? a[i] &- b[i] : b[i] &- a[i])
            & UInt64(Number.Magnitude.max)
          if difference > whole { (whole, index) = (difference, place(i)) }
        }
      }
    }
  }

  private mutating func compare<Bits: FixedWidthInteger>(
    _ x: [UInt8], _ y: [UInt8], _: Bits.Type, _ place: (Int) -> Int, _ value: (Bits) -> Double
  ) {
    x.withUnsafeBytes { x in
      y.withUnsafeBytes { y in
        let (a, b) = (x.bindMemory(to: Bits.self), y.bindMemory(to: Bits.self))
        for i in a.indices where a[i] != b[i] {
          let (p, q) = (value(a[i]), value(b[i]))
          if p.isNaN && q.isNaN {
            payloads += 1
          } else if p == q {
            zeros += 1
          } else {
            different += 1
            let difference = p.isNaN || q.isNaN ? .infinity : abs(p - q)
            if index == nil || difference > real { (real, index) = (difference, place(i)) }
          }
        }
      }
    }
  }

  /// What came of it.
  func item(_ path: String, _ shape: [Int], _ tolerance: Double) -> ArchiveDifference.Item {
    var remarks: [String] = []
    if payloads > 0 { remarks.append("\(payloads) NaN of other bits on both sides") }
    if zeros > 0 { remarks.append("\(zeros) zeros of the other sign") }
    guard different > 0, let index else {
      return .init(
        path: path, verdict: remarks.isEmpty ? .equal : .close, largest: remarks.isEmpty ? nil : 0,
        detail: remarks.joined(separator: ", "))
    }
    let place = Self.place(index, shape)
    let isClose: Bool
    let largest: Double
    var words: String
    if type.isFloatingPoint {
      (isClose, largest, words) = (real <= tolerance, real, "\(real)")
      if real.isInfinite { words = "a number against none, or infinite" }
    } else {
      // In whole numbers: beyond 2^53 a double no longer tells neighbours apart.
      isClose = tolerance >= 0x1p64 || (tolerance >= 0 && whole <= UInt64(tolerance))
      (largest, words) = (Double(whole), "\(whole)")
    }
    remarks.insert(
      "\(different) \(different == 1 ? "value differs" : "values differ"), largest difference \(words)"
        + (place.isEmpty ? "" : " at \(place)"), at: 0)
    return .init(
      path: path, verdict: isClose ? .close : .different, largest: largest, place: place,
      detail: remarks.joined(separator: ", "))
  }

  /// The index along each axis of the element that is number `index` in C order.
  static func place(_ index: Int, _ shape: [Int]) -> [Int] {
    var (place, rest) = ([Int](), index)
    for length in shape.reversed() {
      place.append(rest % max(length, 1))
      rest /= max(length, 1)
    }
    return place.reversed()
  }
}
