import Arrays
import HDF5

/// What the CF conventions say of a variable's values, section 2.5.1 and 8.1: which stand for missing ones, and how packed
/// numbers are unpacked.
///
/// Our own arrays carry none of it; files of other people do.
struct CFConventions {
  /// Stored values that stand for missing ones.
  private var fills: [Double] = []
  /// The same, exactly, for whole numbers of 64 bits.
  private var wholeFills: [Int64] = []
  private var range: ClosedRange<Double>?
  private var (scale, offset) = (1.0, 0.0)
  private var isUnsigned = false
  private let type: ElementType
  /// What is done, in words for people; empty when nothing is said of the values.
  private(set) var notes: [String] = []

  /// netCDF's own fill values, which the library writes where nobody wrote (netcdf.h, NC_FILL_*).
  private static let netCDFFills: [ElementType: Double] = [
    .int16: -32767, .uint16: 65535, .int32: -2_147_483_647, .uint32: 4_294_967_295,
    .int64: Double(Int64.min + 2), .uint64: Double(UInt64.max - 1),
    .float32: Double(Float(9.969_209_968_386_869e36)), .float64: 9.969_209_968_386_869e36,
  ]

  /// Reads what is said of `dataset`.
  /// - Throws: ``ArchiveError`` for attributes that contradict themselves.
  init(_ dataset: Dataset) throws {
    type = try dataset.elementType
    guard type != .utf8 else { return }
    var remarks: [String] = []
    func numbers(_ name: String) throws -> [Double]? {
      if let values = try dataset.attributeNumbers(name) { return values }
      guard let text = try dataset.attribute(name)?.text else { return nil }
      // Some writers store numbers as text.
      let words = text.split { $0 == "," || $0.isWhitespace }
      let values = words.compactMap { Double($0) }
      if !words.isEmpty, values.count == words.count { return values }
      remarks.append(
        "\(name) is the text «\(text.prefix(40))», no number: it is left out of account")
      return nil
    }
    for name in ["_FillValue", "missing_value"] {
      guard let values = try numbers(name) else { continue }
      fills += values.map(rounded)
      wholeFills +=
        try dataset.attributeIntegers(name) ?? values.compactMap { Int64(exactly: $0) }
      notes.append("\(name) \(values.map(Self.text).joined(separator: ", ")) counts as missing")
    }
    if fills.isEmpty, let fill = Self.netCDFFills[type], try isNetCDFFill(dataset, fill) {
      fills = [fill]
      wholeFills = try dataset.declaredFill(as: Int64.self).map { [$0] } ?? []
      notes.append("netCDF's fill value \(Self.text(fill)) counts as missing")
    }
    isUnsigned = try dataset.attribute("_Unsigned")?.text?.lowercased() == "true"
    if isUnsigned { notes.append("whole numbers are unsigned (_Unsigned)") }
    try readRange(dataset, numbers)
    if let value = try numbers("scale_factor")?.first { scale = value }
    if let value = try numbers("add_offset")?.first { offset = value }
    if scale != 1 || offset != 0 {
      notes.append(
        "unpacked by scale_factor \(Self.text(scale)) and add_offset \(Self.text(offset))")
    }
    notes += remarks
    guard scale.isFinite, offset.isFinite, scale != 0 else {
      throw ArchiveError(
        .layout,
        "\(dataset.file):\(dataset.path): scale_factor \(scale) and add_offset \(offset) cannot unpack anything; "
          + "correct the attributes")
    }
  }

  private mutating func readRange(
    _ dataset: Dataset, _ numbers: (String) throws -> [Double]?
  ) throws {
    var (low, high) = (-Double.infinity, Double.infinity)
    if let both = try numbers("valid_range"), both.count == 2 { (low, high) = (both[0], both[1]) }
    if let value = try numbers("valid_min")?.first { low = value }
    if let value = try numbers("valid_max")?.first { high = value }
    guard low > -.infinity || high < .infinity else { return }
    guard low <= high else {
      throw ArchiveError(
        .layout,
        "\(dataset.file):\(dataset.path): its valid range begins at \(low) and ends at \(high); correct the "
          + "attributes valid_range, valid_min, valid_max")
    }
    range = low...high
    notes.append("values outside \(Self.text(low)) to \(Self.text(high)) count as missing")
  }

  /// Whether the file declares netCDF's own fill value, as every file of the netCDF library does.
  private func isNetCDFFill(_ dataset: Dataset, _ fill: Double) throws -> Bool {
    try dataset.declaredFill(as: Double.self).map { $0 == fill } ?? false
  }

  private static func text(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
  }

  /// A fill value as it would be stored.
  private func rounded(_ value: Double) -> Double {
    type == .float32 ? Double(Float(value)) : value
  }

  /// Whether nothing is said of the values.
  var isEmpty: Bool { notes.isEmpty }

  /// Whether whole numbers must be compared as such: a double cannot tell the large ones apart.
  var needsWholeNumbers: Bool { (type == .int64 || type == .uint64) && !wholeFills.isEmpty }

  /// Which of the stored whole numbers stand for missing values.
  func missing(in values: [Int64]) -> [Bool] { values.map { wholeFills.contains($0) } }

  /// Unpacks stored values where they lie; NaN stands for missing ones. Returns how many are missing.
  @discardableResult
  func unpack<Number: BinaryFloatingPoint>(
    _ values: UnsafeMutableBufferPointer<Number>, missing: [Bool]? = nil
  ) -> Int {
    guard !isEmpty else { return 0 }
    var count = 0
    let wrap: Double? =
      isUnsigned
      ? [.int8: 256.0, .int16: 65536, .int32: 4_294_967_296, .int64: 18_446_744_073_709_551_616][
        type]
      : nil
    for index in values.indices {
      var value = Double(values[index])
      let isFill = missing?[index] ?? fills.contains { $0 == value || ($0.isNaN && value.isNaN) }
      if let wrap, value < 0 { value += wrap }
      if isFill || value.isNaN || !(range?.contains(value) ?? true) {
        // NaN that was stored without being declared stays what it is: not missing, but no number.
        if isFill || !value.isNaN { count += 1 }
        values[index] = .nan
      } else {
        values[index] = Number(value * scale + offset)
      }
    }
    return count
  }
}
