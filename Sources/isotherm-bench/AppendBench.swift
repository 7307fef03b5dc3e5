import Archive
import ArgumentParser
import Arrays
import Console
import Foundation
import Kernels

/// `isotherm-bench append`: rows made durable by the recorder, against write(2) and fsync of the same bytes into one file.
///
/// Cold: what earlier writes left in memory was written out and dropped before, where this user may (root). Warm: the same once
/// more at once, so that the pages of the first are at hand. Which side begins changes with `first`.
struct AppendBench: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "append")

  @Option var rows = 16384
  @Option var tokens = 49
  @Option var width = 64
  @Option var chunk = 64
  @Option var folder = NSTemporaryDirectory()
  @Option(help: "Side that is timed first: ours or raw.")
  var first = "ours"

  func run() throws {
    let rowCount = min(rows, 4096)
    var random = Philox(seed: 1, purpose: .null)
    let block = (0..<rowCount * tokens * width).map { _ in Float(random.uniform()) }
    let megabytes = Double(rows * tokens * width * 4) / 1e6
    var result = ["megabytes": megabytes]
    let sides = first == "raw" ? ["raw", "ours"] : ["ours", "raw"]
    for side in sides {
      result["cache_dropped"] = dropCache() ? 1 : 0
      for state in ["cold", "warm"] {
        let place = folder + "/isotherm-bench-" + UUID().uuidString
        let seconds = side == "raw" ? try raw(block, place) : try ours(block, place)
        result["\(side)_\(state)"] = megabytes / seconds
      }
    }
    Console.output(try Console.encode(result))
  }

  /// Writes out what is in the file cache and drops it; false where that is not permitted.
  private func dropCache() -> Bool {
    sync()
    let descriptor = open("/proc/sys/vm/drop_caches", O_WRONLY)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return "3".withCString { Foundation.write(descriptor, $0, 1) } == 1
  }

  /// Hands over the rows, a chunk of them at a time.
  private func eachChunk(
    _ block: [Float], _ body: (UnsafeBufferPointer<Float>) throws -> Void
  ) rethrows {
    let plane = tokens * width
    try block.withUnsafeBufferPointer { block in
      for row in stride(from: 0, to: rows, by: chunk) {
        let start = row % (block.count / plane)
        let count = min(chunk, rows - row, block.count / plane - start)
        try body(UnsafeBufferPointer(rebasing: block[start * plane..<(start + count) * plane]))
      }
    }
  }

  private func raw(_ block: [Float], _ place: String) throws -> Double {
    defer { unlink(place) }
    return try time {
      let descriptor = open(place, O_WRONLY | O_CREAT | O_EXCL, 0o644)
      guard descriptor >= 0 else { throw failure("open") }
      defer { close(descriptor) }
      try eachChunk(block) { rows in
        var bytes = UnsafeRawBufferPointer(rows)
        while !bytes.isEmpty {
          let count = Foundation.write(descriptor, bytes.baseAddress, bytes.count)
          guard count > 0 else { throw failure("write") }
          bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
        }
      }
      guard fsync(descriptor) == 0 else { throw failure("fsync") }
    }
  }

  private func failure(_ call: String) -> ValidationError {
    ValidationError("\(call) failed in \(folder): \(String(cString: strerror(errno)))")
  }

  private func ours(_ block: [Float], _ place: String) throws -> Double {
    var array = ArraySchema(
      "/a/values", .float32,
      [.growing("row"), .init("position", tokens), .init("channel", width)], longName: "values")
    array.filters = .none
    let schema = RunSchema(
      .run, title: "bench", arrays: [array],
      provenance: Provenance(configuration: "", seed: 0, blasCore: ""))
    defer { try? FileManager.default.removeItem(atPath: place + ".run") }
    let recorder = try Recorder(RunPlace(place), schema)
    return try time {
      try eachChunk(block) { rows in
        try recorder.append("/a/values", rows)
        try recorder.tick()
      }
      try recorder.finish()
    }
  }
}
