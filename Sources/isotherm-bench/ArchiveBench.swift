import Archive
import ArgumentParser
import Arrays
import Console
import Foundation

/// `isotherm-bench archive`: appends rows and reads them back, plain and filtered.
///
/// Rows are float32 `[tokens, width]` of smooth-plus-noise values, as the peer's: they compress about as activations do. A
/// write ends when every row is acknowledged: on disk, after fsync and rename. The peer's ends with closing the file.
struct ArchiveBench: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "archive")

  @Option var rows = 8192
  @Option var tokens = 49
  @Option var width = 64
  @Option var chunk = 64
  @Option var folder = NSTemporaryDirectory()
  @Flag(help: "Leave out the plain work and the reading: one long filtered run, for its memory.")
  var filteredOnly = false
  @Option(help: "Read and check this archive instead of one made here.")
  var file: String?

  func run() throws {
    if let file { return try readAndCheck(file) }
    let place = folder + "/isotherm-bench-" + UUID().uuidString
    defer {
      for end in [".h5", ".run"] { try? FileManager.default.removeItem(atPath: place + end) }
    }
    let data = values(min(rows, 8192))
    let megabytes = Double(rows * tokens * width * 4) / 1e6
    var result: [String: Double] = ["megabytes": megabytes]
    for (name, filters) in [("plain", Filters.none), ("gzip1", .fast)]
    where !(filteredOnly && name == "plain") {
      let (write, seal) = try self.write(data, filters.chosen, to: place)
      result["\(name)_write"] = megabytes / write
      result["\(name)_seal"] = megabytes / seal
      if !filteredOnly {
        result["\(name)_read"] = megabytes / (try time { try read(place) })
        result["\(name)_check"] = megabytes / (try time { _ = try ArchiveCheck.run(place) })
      }
      try FileManager.default.removeItem(atPath: place + ".h5")
    }
    result["peak_megabytes"] = peakMegabytes
    Console.output(try Console.encode(result))
  }

  /// All arrays of an archive, one after the other: read with all processors, then checked. Twice, the second counts.
  private func readAndCheck(_ file: String) throws {
    var result: [String: Double] = [:]
    for _ in 0..<2 {
      var bytes = 0
      let read = try time {
        let reader = try RunReader(file)
        for path in try reader.paths() {
          switch try reader.describe(path).type {
          case .float32: bytes += try reader.read(path, as: Float.self).elements.count * 4
          case .float64: bytes += try reader.read(path, as: Double.self).elements.count * 8
          default: continue
          }
        }
      }
      let check = try time { _ = try ArchiveCheck.run(file) }
      let megabytes = Double(bytes) / 1e6
      result = ["megabytes": megabytes, "read": megabytes / read, "check": megabytes / check]
    }
    Console.output(try Console.encode(result))
  }

  private enum Filters {
    case none, fast
    /// As the peer's: shuffle and gzip-1, without the checksum we add by default.
    var chosen: ArraySchema.Filters {
      self == .none ? .none : .init(shuffle: true, deflate: 1, fletcher32: false)
    }
  }

  private func values(_ count: Int) -> [Float] {
    var state: UInt64 = 1
    func uniform() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (Float(state >> 40) + 0.5) / Float(1 << 24)
    }
    let plane = tokens * width
    let base = (0..<plane).map { sin(Float($0) / 7) }
    return [Float](unsafeUninitializedCapacity: count * plane) { out, initialized in
      for i in stride(from: 0, to: count * plane, by: 2) {
        let radius = (-2 * log(uniform())).squareRoot()
        let angle = 2 * Float.pi * uniform()
        out[i] = base[i % plane] + 0.3 * radius * cos(angle)
        out[i + 1] = base[(i + 1) % plane] + 0.3 * radius * sin(angle)
      }
      initialized = count * plane
    }
  }

  private func write(
    _ data: [Float], _ filters: ArraySchema.Filters, to place: String
  ) throws -> (write: Double, seal: Double) {
    var array = ArraySchema(
      "/a/values", .float32,
      [.growing("row"), .init("position", tokens), .init("channel", width)], longName: "values")
    array.filters = filters
    let schema = RunSchema(
      .run, title: "bench", arrays: [array],
      provenance: Provenance(configuration: "", seed: 0, blasCore: ""))
    let plane = tokens * width
    let recorder = try Recorder(RunPlace(place), schema)
    let write = try time {
      try data.withUnsafeBufferPointer { data in
        for row in stride(from: 0, to: rows, by: chunk) {
          let start = row % (data.count / plane)
          let count = min(chunk, rows - row, data.count / plane - start)
          try recorder.append(
            "/a/values",
            UnsafeBufferPointer(rebasing: data[start * plane..<(start + count) * plane]))
          try recorder.tick()
        }
        try recorder.finish()
      }
    }
    return (write, try time { try recorder.seal() })
  }

  private func read(_ place: String) throws {
    let reader = try RunReader(place)
    let block = 1024
    for row in stride(from: 0, to: rows, by: block) {
      let values: NDArray<Float> = try reader.read(
        "/a/values", start: [row, 0, 0], count: [min(block, rows - row), tokens, width])
      precondition(values.elements[0].isFinite)
    }
  }
}

/// Seconds that `body` takes.
func time(_ body: () throws -> Void) rethrows -> Double {
  let clock = ContinuousClock()
  let took = try clock.measure(body).components
  return Double(took.seconds) + Double(took.attoseconds) * 1e-18
}

/// Largest resident size of this process so far.
var peakMegabytes: Double {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return Double(usage.ru_maxrss) / 1e3
}
