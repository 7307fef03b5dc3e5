import Archive
import ArgumentParser
import Console
import Foundation

/// `isotherm-bench commits`: how long a commit takes early and late in a long run.
struct CommitBench: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "commits")

  @Option var commits = 10_000
  @Option(help: "Arrays of the run.") var arrays = 20
  @Option(help: "Commit checkpoints of a network of so many parameters, as fast as they are taken.")
  var parameters: Int?
  @Option var folder = NSTemporaryDirectory()

  func run() throws {
    let place = folder + "/isotherm-bench-" + UUID().uuidString
    defer {
      for end in [".h5", ".run"] { try? FileManager.default.removeItem(atPath: place + end) }
    }
    if let parameters { return try runCheckpoints(parameters, RunPlace(place)) }
    let schema = RunSchema(
      .run, title: "bench",
      arrays: (0..<arrays).map {
        ArraySchema(
          "/a/values\($0)", .float32, [.growing("row"), .init("channel", 64)], longName: "values")
      }, provenance: Provenance(configuration: "", seed: 0, blasCore: ""))
    let recorder = try Recorder(RunPlace(place), schema)
    let row = (0..<64).map { Float($0) }
    var seconds: [Double] = []
    for _ in 0..<commits {
      for index in 0..<arrays { try recorder.append("/a/values\(index)", row) }
      seconds.append(try time { try recorder.finish() })
    }
    let marks = [10, 100, 1000, 10_000].filter { $0 <= commits }
    var result: [String: Double] = [:]
    for mark in marks {
      // The median of the commits around the mark, and the longest, which may have waited for an exchange of names.
      let window = seconds[(mark * 9 / 10)..<mark].sorted()
      result["median_ms_at_\(mark)"] = 1e3 * window[window.count / 2]
      result["longest_ms_at_\(mark)"] = 1e3 * (window.last ?? 0)
    }
    let seal = try time { try recorder.seal() }
    result["seal_seconds"] = seal
    result["peak_megabytes"] = peakMegabytes
    Console.output(try Console.encode(result))
  }

  /// Weights in `arrays` pieces and two moments a checkpoint, nobody waiting for a commit; values as hard to compress as weights.
  private func runCheckpoints(_ parameters: Int, _ place: RunPlace) throws {
    let piece = parameters / arrays
    let flat = ArraySchema.AxisSchema("parameter", parameters)
    let weights = (0..<arrays).map {
      ArraySchema(
        Layout.Checkpoints.parameter("weight\($0)"), .float32,
        [.growing("checkpoint"), .init("place\($0)", piece)], longName: "weights")
    }
    let moments = ["first", "second"].map {
      ArraySchema(
        Layout.Checkpoints.member("optimizer/\($0)"), .float32, [.growing("checkpoint"), flat],
        longName: "moment")
    }
    let schema = RunSchema(
      .run, title: "bench", arrays: weights + moments,
      provenance: Provenance(configuration: "", seed: 0, blasCore: ""))
    let anchor = weights[0].path
    let noise = (0..<parameters + commits).map { sin(Float($0) * 12.9898) * 0.1 }
    var recorder: Recorder? = try Recorder(place, schema, anchor: anchor)
    let seconds = try time {
      guard let recorder else { return }
      for commit in 0..<commits {
        try noise.withUnsafeBufferPointer { noise in
          for (index, array) in weights.enumerated() {
            let start = commit + index * piece
            try recorder.append(
              array.path, UnsafeBufferPointer(rebasing: noise[start..<start + piece]))
          }
          for array in moments {
            let row = UnsafeBufferPointer(rebasing: noise[commit..<commit + parameters])
            try recorder.append(array.path, row)
          }
        }
        try recorder.commit()
      }
      try recorder.finish()
    }
    // As a process that was killed leaves it to the next one.
    recorder?.abandon()
    recorder = nil
    let resume = try time { recorder = try Recorder.resume(place, schema, anchor: anchor) }
    let seal = try time { _ = try recorder?.seal() }
    Console.output(
      try Console.encode([
        "checkpoints_per_second": Double(commits) / (seconds + resume + seal),
        "commit_seconds": seconds, "resume_seconds": resume, "seal_seconds": seal,
        "peak_megabytes": peakMegabytes,
      ]))
  }
}
