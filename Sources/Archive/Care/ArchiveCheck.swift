import Arrays
import Foundation
import HDF5

/// Reads everything an archive holds and says what is wrong with it.
public struct ArchiveCheck {
  /// One thing that is wrong.
  public struct Finding: Codable, Sendable, Hashable {
    /// Place in the file.
    public var path: String
    /// What was expected and what was found.
    public var problem: String
    /// What mends it.
    public var remedy: String

    /// A finding.
    public init(path: String, problem: String, remedy: String) {
      (self.path, self.problem, self.remedy) = (path, problem, remedy)
    }
  }

  private let reader: RunReader
  private let hasher = BlockHasher()
  private let findings = Findings()
  /// Bytes read.
  public private(set) var byteCount = 0
  /// Arrays read.
  public private(set) var arrayCount = 0
  /// Objects seen, for the order of findings.
  private var number = 0

  private init(_ reader: RunReader) { self.reader = reader }

  /// Checks the archive `name`: layout, labels, checksums of every chunk, logical hashes, finite values, chunk shapes.
  /// Memory is bounded by about 32 MiB whatever the size, when no chunk is larger than 4 MiB.
  ///
  /// Objects that no array of ours could be are read too, as far as HDF5 can, and told under `others`: they are no fault.
  public static func run(_ name: String) throws -> (
    findings: [Finding], arrays: Int, bytes: Int, others: [StoredObject]
  ) {
    var check = ArchiveCheck(try RunReader(name))
    try check.checkRoot()
    let objects = try check.reader.objects()
    for object in objects {
      do {
        try check.checkObject(object)
      } catch {
        check.add(
          object.path, "cannot be read: \(error)",
          "the file is damaged here; copy it again, or seal it anew from its folder of parts")
      }
      check.number += 1
    }
    check.hasher.wait()
    return (
      check.findings.inOrder, check.arrayCount, check.byteCount,
      objects.filter { [.foreign, .link].contains($0.kind) }
    )
  }

  private mutating func checkObject(_ object: StoredObject) throws {
    switch object.kind {
    case .array:
      try checkArray(object.path)
      arrayCount += 1
    case .scale: try reader.root.dataset(object.path).forEachImage { _ in }
    case .unreadable:
      add(
        object.path, "cannot be read: \(object.what)",
        "the file is damaged here; copy it again, or seal it anew from its folder of parts")
    case .foreign where reader.contains(object.path) && reader.root.kind(object.path) == .dataset:
      let dataset = try reader.root.dataset(object.path)
      do {
        try dataset.forEachImage { _ in }
      } catch let error as HDF5Error where error.code == .mismatch {
        // Nothing in this library can read it; it says so under `others`.
      }
    case .foreign where object.path.contains("\\x"):
      add(
        object.path, object.what,
        "give it a name in UTF-8, with h5py's low-level h5py.h5g for example; netCDF cannot open it"
      )
    case .foreign, .link: break
    }
  }

  /// What was found, by array: hashing ends later than reading.
  private final class Findings: @unchecked Sendable {
    private let lock = NSLock()
    private var found: [Int: [Finding]] = [:]

    func add(_ finding: Finding, array: Int) {
      lock.withLock { found[array, default: []].append(finding) }
    }
    var inOrder: [Finding] { lock.withLock { found.sorted { $0.key < $1.key }.flatMap(\.value) } }
  }

  private func add(_ path: String, _ problem: String, _ remedy: String) {
    findings.add(Finding(path: path, problem: problem, remedy: remedy), array: number)
  }

  private func checkRoot() throws {
    for name in ["Conventions", "title", "run_id"] where try reader.attribute("/", name) == nil {
      add("/@\(name)", "is missing", "write the file with Isotherm, or add the attribute")
    }
    if !reader.contains(Layout.Provenance.configuration) {
      add(
        Layout.Provenance.group, "holds no configuration",
        "the file cannot be made again; keep its source")
    }
  }

  private mutating func checkArray(_ path: String) throws {
    let array = try reader.describe(path)
    if array.longName.isEmpty { add("\(path)@long_name", "is missing", "say what the values are") }
    for (index, axis) in array.axes.enumerated() where axis.name == "?" {
      add(
        path, "axis \(index) has no dimension scale",
        "attach a scale in the same group, or xarray shows phony_dim_\(index)")
    }
    let hash = LogicalHash()
    if array.type == .utf8 {
      hash.update(try reader.root.dataset(path).readTextBytes())
    } else {
      let bad = try readAll(array, hash)
      if try bad > 0 && reader.attribute(path, "nan_meaning") == nil {
        add(
          path, "\(bad) values are NaN or infinite",
          "the run diverged or an estimate is undefined there; leave them out before averaging")
      }
      checkChunks(array)
    }
    let isSealed = reader.path.hasSuffix(".h5") && !reader.path.hasSuffix("index.h5")
    if array.sha256 == nil, isSealed, !path.isAboutArchive {
      add("\(path)@logical_sha256", "is missing", "write the file with Isotherm")
    }
    guard let stored = array.sha256 else { return }
    hasher.afterwards { [findings, number] in
      guard hash.value(array.type, shape: array.shape) != stored else { return }
      findings.add(
        Finding(
          path: path, problem: "the values do not have the logical hash stored beside them",
          remedy: "they were changed after sealing; fetch the original, or trust neither"),
        array: number)
    }
  }

  /// Reads all values block by block into the hash; returns how many are not finite.
  private mutating func readAll(_ array: RunReader.StoredArray, _ hash: LogicalHash) throws -> Int {
    var bad = 0
    let blocks = ArrayBlocks(
      shape: array.shape, elementSize: array.type.byteCount ?? 1, chunk: array.chunk)
    for block in blocks.list {
      let byteCount = block.count.reduce(array.type.byteCount ?? 1, *)
      bad += try hasher.add(byteCount, to: hash) { bytes in
        try reader.read(array, start: block.start, count: block.count, into: bytes)
        return Self.notFinite(UnsafeRawBufferPointer(bytes), array.type)
      }
      self.byteCount += byteCount
    }
    return bad
  }

  /// Values whose exponent has all bits set: NaN and infinities.
  private static func notFinite(_ bytes: UnsafeRawBufferPointer, _ type: ElementType) -> Int {
    var bad = 0
    switch type {
    case .float32:
      let mask: UInt32 = 0x7F80_0000
      for word in bytes.bindMemory(to: UInt32.self) { bad &+= word & mask == mask ? 1 : 0 }
    case .float64:
      let mask: UInt64 = 0x7FF0_0000_0000_0000
      for word in bytes.bindMemory(to: UInt64.self) { bad &+= word & mask == mask ? 1 : 0 }
    case .float16, .bfloat16:
      let mask: UInt16 = type == .float16 ? 0x7C00 : 0x7F80
      for word in bytes.bindMemory(to: UInt16.self) { bad &+= word & mask == mask ? 1 : 0 }
    default: break
    }
    return bad
  }

  private mutating func checkChunks(_ array: RunReader.StoredArray) {
    guard let chunk = array.chunk else { return }
    let bytes = chunk.reduce(1, *) * (array.type.byteCount ?? 1)
    let whole = array.shape.reduce(1, *) * (array.type.byteCount ?? 1)
    if bytes > 64 << 20 {
      add(
        array.path, "a chunk has \(bytes >> 20) MiB: any read decodes that much",
        "repack with chunks of about 1 MiB")
    } else if bytes < 4096, whole > 1 << 20 {
      add(
        array.path, "chunks of \(bytes) bytes: reading is dominated by looking them up",
        "repack with chunks of about 1 MiB")
    }
  }
}
