import Archive
import Arrays
import Foundation
import Kernels

/// What the archive of a capture holds.
extension NetworkCapture {
  private typealias AxisSchema = ArraySchema.AxisSchema

  /// The tapped arrays, `[checkpoint, sample, ...]`.
  func tapArrays() -> [ArraySchema] {
    taps.map { tap in
      var array = ArraySchema(
        Self.path(tap), type,
        [.growing("sample")] + subject.axes(of: tap).map { AxisSchema($0.name, $0.length) },
        longName: subject.longName(of: tap))
      array.lead = AxisSchema("checkpoint", 1)
      return array
    }
  }

  /// The whole archive.
  func schema(_ patterns: [String]) throws -> RunSchema {
    let sample = AxisSchema.growing("sample")
    var arrays = [
      ArraySchema(
        Layout.Checkpoints.step, .int32, [AxisSchema("checkpoint", 1)],
        longName: "step or number of the checkpoint")
    ]
    if subject.document != nil {
      arrays.append(
        ArraySchema(
          Layout.Network.configuration, .utf8, [AxisSchema("document", 1)], longName: "config.json")
      )
    }
    arrays += [
      ArraySchema(
        Layout.Samples.index, .int32, [sample], longName: "position in the data"),
      ArraySchema(
        Layout.Samples.split, .uint8, [sample],
        longName: "0 for samples that equations are fitted to, 1 for those held out",
        attributes: ["rule": .text(HeldOutSplit.rule(seed: HeldOutSplit.seed))]),
    ]
    arrays += subject.sampleArrays() + tapArrays()
    return RunSchema(
      .run, title: subject.title, arrays: arrays,
      provenance: Provenance(
        configuration: try configuration(patterns), seed: 0, blasCore: BLASCore.name,
        sources: try subject.sources()))
  }

  private func configuration(_ patterns: [String]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    func quoted(_ text: String) throws -> String {
      String(decoding: try encoder.encode(text), as: UTF8.self)
    }
    let samples = subject.samples
    let lines =
      ["network: \(try quoted(subject.reader.path))", "checkpoint: \(subject.step)"]
      + (try subject.inputs.map { "\($0.key): \(try quoted($0.name))" })
      + [
        "samples: \(try quoted("\(samples.lowerBound):\(samples.upperBound)"))",
        "taps: [\(try taps.map(quoted).joined(separator: ", "))]", "type: \(type.rawValue)",
      ]
    return "capture:\n" + lines.map { "  \($0)\n" }.joined() + subject.form.yaml
  }
}
