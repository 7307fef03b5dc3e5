import Archive
import Foundation
import Kernels
import Testing

/// Damaged files: `check` must neither crash nor hang, whatever libhdf5 does in its child.
@Suite struct DamageTests {
  private enum Mutation: CaseIterable {
    case flip, truncate, swap, extend, header
  }

  private func mutate(_ original: [UInt8], _ random: inout Philox) -> [UInt8] {
    var bytes = original
    func place() -> Int { Int(random.uniform() * Double(bytes.count)) }
    switch Mutation.allCases[Int(random.uniform() * 5)] {
    case .flip:
      for _ in 0..<(1 + Int(random.uniform() * 20)) {
        bytes[place()] ^= 1 << UInt8(random.uniform() * 8)
      }
    case .truncate: bytes.removeLast(bytes.count - place())
    case .swap:
      let (a, b) = (place(), place())
      for i in 0..<min(200, bytes.count - max(a, b)) { bytes.swapAt(a + i, b + i) }
    case .extend: bytes.insert(contentsOf: (0..<97).map { UInt8($0) }, at: place())
    case .header:
      // Sizes and addresses of the superblock and the first object headers.
      for _ in 0..<4 { bytes[8 + Int(random.uniform() * 600)] = UInt8(random.uniform() * 256) }
    }
    return bytes
  }

  @Test func `seeded mutations give findings or none, never a crash or a hang`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let whole = folder + "/whole.h5"
    try Recorder.write(
      [
        CompleteArray(
          "/metrics/a/value", [.init("x", 40), .init("y", 30)],
          .numbers((0..<1200).map { sin(Double($0)) }), longName: "values"),
        CompleteArray(
          "/metrics/a/name", [.init("x", 40)], .texts((0..<40).map(String.init)), longName: "names"),
      ], kind: .metrics, title: "whole",
      provenance: Provenance(configuration: "a: 1\n", seed: 1, blasCore: ""),
      to: RunPlace(whole), replacing: false)
    let original = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
    // ISOTHERM_MUTATIONS=5000 is the full size.
    let count = ProcessInfo.processInfo.environment["ISOTHERM_MUTATIONS"].flatMap(Int.init) ?? 80
    var (found, slowest) = (0, 0.0)
    for trial in 0..<count {
      var random = Philox(seed: 99, stream: UInt64(trial))
      let path = folder + "/m.h5"
      try Data(mutate(original, &random)).write(to: URL(fileURLWithPath: path))
      let began = Date()
      let outcome = try Programs.run("isotherm-archive", ["check", path, "--json"])
      slowest = max(slowest, Date().timeIntervalSince(began))
      #expect(outcome.status == 0 || outcome.status == 1, "trial \(trial): \(outcome.errors)")
      let reports = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
      #expect((reports as? [Any])?.count == 1, "trial \(trial)")
      if outcome.status == 1 { found += 1 }
    }
    #expect(slowest < 5, "the slowest took \(slowest) s")
    // Most mutations hit something that is read; some fall into unused space.
    #expect(found > count / 4, "\(found) of \(count) had findings")
  }
}
