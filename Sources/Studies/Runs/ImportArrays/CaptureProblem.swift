import Checkpoints

/// Refusals of arrays, each one line: file and array, what was expected and found, what to do.
enum CaptureProblem {
  static func at(
    _ array: SavedArray, expected: String, found: String, remedy: String
  ) -> CheckpointError {
    CheckpointError(
      .mismatch, file: array.file, tensor: array.name, expected: expected, found: found,
      remedy: remedy)
  }

  /// Maps that were asked for and are none.
  static func noMaps(_ array: SavedArray) -> CheckpointError {
    at(
      array, expected: "attention maps", found: "an empty array",
      remedy:
        "load the model with attn_implementation=\"eager\": the other implementations compute no maps"
    )
  }
}
