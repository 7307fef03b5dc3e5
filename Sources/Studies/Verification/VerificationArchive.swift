import Archive
import Foundation
import Kernels

extension [VerificationRow] {
  /// Archives the rows as `/metrics/verification`; returns the sealed file.
  public func write(_ title: String, to name: String, replacing: Bool) throws -> String {
    let row = ArraySchema.AxisSchema("row", count)
    func array(
      _ name: String, _ values: CompleteArray.Values, _ longName: String
    ) -> CompleteArray {
      CompleteArray(Layout.Metrics.verification.member(name), [row], values, longName: longName)
    }
    return try Recorder.write(
      [
        array("name", .texts(map(\.name)), "what is verified"),
        array("expected", .numbers(map(\.expected)), "the known answer"),
        array("found", .numbers(map(\.found)), "what was found"),
        array("error", .numbers(map(\.error)), "distance of the two"),
        array(
          "tolerance", .numbers(map { $0.tolerance.isFinite ? $0.tolerance : .nan }),
          "largest distance that passes; NaN where any does"),
        array("passed", .integers(map { $0.passed ? 1 : 0 }), "1 when it passes"),
        array("note", .texts(map(\.note)), "what speaks against the value"),
      ], kind: .metrics, title: title,
      provenance: Provenance(configuration: "", seed: 0, blasCore: BLASCore.name),
      to: RunPlace(name), replacing: replacing)
  }
}
