import Archive
import Arrays
import Transformer

/// The arrays of a training run.
enum TrainSchema {
  /// Path of a tap's values.
  static func path(_ tap: Tap) -> String {
    switch tap {
    case .attentionMap: "/attention/\(tap.name)/values"
    default: "/activations/\(tap.name)/values"
    }
  }

  static func arrays(
    _ study: ImageStudy, _ layout: ParameterLayout, _ taps: [(tap: Tap, samples: Int)]
  ) -> [ArraySchema] {
    let type = ElementType(rawValue: study.configuration.capture.type) ?? .float32
    return samples(study) + progress(study.model.bottleneck != nil) + checkpoints(study, layout)
      + taps.map { tap, samples in
        let axes = tap.axes(study.model, samples: samples).map {
          ArraySchema.AxisSchema($0.name, $0.length)
        }
        return ArraySchema(
          path(tap), type, [.growing("checkpoint")] + axes, longName: tap.summary,
          attributes: ["tap": .text(tap.name)])
      }
  }

  private static func samples(_ study: ImageStudy) -> [ArraySchema] {
    let sample = ArraySchema.AxisSchema("sample", study.captured.count)
    let (height, width) = study.set.size
    return [
      ArraySchema(
        "/samples/index", .int32, [sample], longName: "position in the data set"),
      ArraySchema("/samples/label", .int32, [sample], longName: "class"),
      ArraySchema(
        "/samples/split", .uint8, [sample], longName: "0 train, 1 test",
        attributes: ["flag_meanings": .text("train test")]),
      ArraySchema(
        "/samples/image", .uint8,
        [sample, .init("y", height), .init("x", width)], longName: "grey image"),
      ArraySchema(
        "/classes/name", .utf8, [.init("class", study.set.classNames.count)],
        longName: "name of each class"),
    ]
  }

  private static func progress(_ hasBottleneck: Bool) -> [ArraySchema] {
    let step = ArraySchema.AxisSchema.growing("step")
    func scalar(_ name: String, _ longName: String, _ units: String = "1") -> ArraySchema {
      ArraySchema(
        "/progress/\(name)", .float64, [step], longName: longName, units: units,
        coordinates: ["epoch", "seconds"])
    }
    return [
      scalar("loss", "mean cross entropy of the step's batch", "nat"),
      scalar("accuracy", "share of the step's batch classified rightly"),
      scalar("learning_rate", "learning rate"),
      scalar("gradient_norm", "global gradient norm before clipping"),
    ]
      + (hasBottleneck
        ? [
          scalar(
            "information_bound", "upper bound on I(X;Z) of the bottleneck, mean of the batch", "nat"
          )
        ]
        : []) + [
        ArraySchema(
          "/progress/epoch", .float64, [step], longName: "passes over the training split"),
        ArraySchema(
          "/progress/seconds", .float64, [step], longName: "time since the start", units: "s"),
        ArraySchema("/progress/step", .int32, [step], longName: "optimiser step, from 1"),
      ]
  }

  private static func checkpoints(
    _ study: ImageStudy, _ layout: ParameterLayout
  ) -> [ArraySchema] {
    let checkpoint = ArraySchema.AxisSchema.growing("checkpoint")
    func scalar(_ name: String, _ type: ElementType, _ longName: String, _ units: String = "1")
      -> ArraySchema
    {
      ArraySchema("/checkpoints/\(name)", type, [checkpoint], longName: longName, units: units)
    }
    let parameters = layout.entries.map { entry in
      ArraySchema(
        "/checkpoints/parameters/\(entry.name)", .float32,
        [checkpoint] + entry.axes.map { .init($0.name, $0.length) }, longName: entry.name)
    }
    let flat = [checkpoint, ArraySchema.AxisSchema("parameter", layout.count)]
    return [
      scalar("step", .int32, "optimiser steps done"),
      scalar("epoch", .float64, "passes over the training split done"),
      scalar("data_position", .int64, "samples of the current pass done"),
      scalar("test_loss", .float64, "mean cross entropy on the test split", "nat"),
      scalar("test_accuracy", .float64, "share of the test split classified rightly"),
      ArraySchema(
        "/checkpoints/random_state", .uint64, [checkpoint, .init("word", 2)],
        longName: "seed and next stream of the shuffling generator (Philox 4x32-10)"),
      ArraySchema(
        "/checkpoints/optimizer/first_moment", .float32, flat,
        longName: "first moment of AdamW, parameters in order"),
      ArraySchema(
        "/checkpoints/optimizer/second_moment", .float32, flat,
        longName: "second moment of AdamW, parameters in order"),
    ] + parameters
  }
}
