import Foundation
import TestSupport
import Testing

import Checkpoints

/// Whatever the bytes are, a file is read or refused by one line, in memory of its size and 64 MiB. 5,000 files of each format
/// with ISOTHERM_LONG=1.
@Suite(.serialized) struct MutationTests {
  private static let count =
    ProcessInfo.processInfo.environment["ISOTHERM_LONG"] == nil ? 200 : 5000

  @Test func `changed bytes are read or refused`() throws {
    let folder = try ScratchFolder()
    let paths = try SampleFiles.write(to: folder)
    let before = try Self.peakMemory()
    for path in paths {
      let suffix = (path as NSString).lastPathComponent
      let original = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
      var (read, refused) = (0, 0)
      for seed in 0..<Self.count {
        var mutator = ByteMutator(seed: UInt64(seed))
        let changed = try folder.write("changed-" + suffix, mutator.mutated(original))
        do {
          try Self.readAll(changed)
          read += 1
        } catch let error as CheckpointError {
          #expect(!error.description.contains("\n"), "\(suffix), seed \(seed)")
          refused += 1
        }
      }
      #expect(refused > Self.count / 10, "\(suffix): \(read) read, \(refused) refused")
    }
    #expect(try Self.peakMemory() - before < 64 << 20)
  }

  private static func readAll(_ path: String) throws {
    let file = try Checkpoint.open(path)
    for tensor in file.tensors { _ = try file.floats(tensor.name) }
  }

  /// The most memory the process ever had, bytes.
  private static func peakMemory() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(Int(line.split(separator: " ")[1])) * 1024
  }
}
