import Archive
import Arrays
import Corpora
import Transformer

/// The arrays of a training run.
enum TrainSchema {
  /// Path of a tap's values.
  static func path(_ tap: Tap) -> String { tap.archivedName.path }

  static func arrays(
    _ study: LoadedStudy, _ layout: ParameterLayout, _ taps: [(tap: Tap, samples: Int)]
  ) -> [ArraySchema] {
    let type = ElementType(rawValue: study.configuration.capture.type) ?? .float32
    return samples(study) + FirstSteps(study).arrays + progress(study) + gradientNorms(study)
      + checkpoints(study, layout) + (isContinued(study) ? NextTokenBaseline.arrays : [])
      + taps.map { tap, samples in
        let axes = tap.axes(study.model, samples: samples).map {
          ArraySchema.AxisSchema($0.name, $0.length)
        }
        return ArraySchema(
          path(tap), type, [.growing("checkpoint")] + axes, longName: tap.summary,
          attributes: ["tap": .text(tap.name)])
      }
  }

  private static func samples(_ study: LoadedStudy) -> [ArraySchema] {
    let sample = ArraySchema.AxisSchema("sample", study.captured.count)
    let shared = [
      ArraySchema(
        Layout.Samples.index, .int32, [sample], longName: "position in the data set"),
      ArraySchema(
        Layout.Samples.label, .int32, [sample],
        longName: isContinued(study) ? "class of the passage it starts in" : "class"),
      ArraySchema(
        Layout.Samples.split, .uint8, [sample], longName: "0 train, 1 test",
        attributes: ["flag_meanings": .text("train test")]),
    ]
    let classes = ArraySchema(
      Layout.Classes.name, .utf8, [.init("class", study.data.classNames.count)],
      longName: "name of each class")
    switch study.data {
    case .images(let set, _):
      let (height, width) = set.size
      let image = ArraySchema(
        Layout.Samples.image, .uint8, [sample, .init("y", height), .init("x", width)],
        longName: "grey image")
      return shared + [image, classes]
    case .text(let text):
      return shared + texts(sample, text) + [classes]
    }
  }

  private static func isContinued(_ study: LoadedStudy) -> Bool {
    if case .text(let samples) = study.data { samples.predictsNext } else { false }
  }

  private static func texts(
    _ sample: ArraySchema.AxisSchema, _ text: TokenSamples
  ) -> [ArraySchema] {
    let target = ArraySchema(
      Layout.Samples.target, .int32, [sample, .init("position", text.positions)],
      longName: "token to be predicted at each position: the one after it")
    let arrays =
      (text.predictsNext ? [target] : []) + [
        ArraySchema(
          Layout.Samples.token, .int32, [sample, .init("position", text.positions)],
          longName: "tokens, padded with 0"),
        ArraySchema(
          Layout.Samples.length, .int32, [sample], longName: "tokens that are no padding"),
        ArraySchema(Layout.Samples.text, .utf8, [sample], longName: "text of the tokens"),
      ]
    if let tokenizer = text.tokenizer as? WordPieceTokenizer {
      return arrays + [
        ArraySchema(
          Layout.Tokenizer.vocabulary, .utf8, [.init("token", tokenizer.pieces.count)],
          longName: "piece that each token stands for; ## begins a piece inside a word")
      ]
    }
    guard let tokenizer = text.tokenizer as? BytePairTokenizer, !tokenizer.merges.isEmpty else {
      return arrays
    }
    return arrays + [
      ArraySchema(
        Layout.Tokenizer.merges, .int32,
        [.init("merge", tokenizer.merges.count), .init("pair", 2)],
        longName: "the two tokens that token 256 + merge joins; tokens below 256 are bytes")
    ]
  }

  /// Norms of the gradient of each layer's parameters, every step.
  private static func gradientNorms(_ study: LoadedStudy) -> [ArraySchema] {
    let group = ArraySchema.AxisSchema("parameter_group", ParameterGroup.allCases.count)
    return [
      ArraySchema(
        Layout.Gradients.norm, .float64,
        [.growing("step"), .init("layer", study.model.layerCount), group],
        longName: "gradient norm of a layer's parameters before clipping"),
      ArraySchema(Layout.Gradients.groupName, .utf8, [group], longName: "parameters of a layer"),
    ]
  }

  private static func progress(_ study: LoadedStudy) -> [ArraySchema] {
    let hasBottleneck = study.model.bottleneck != nil
    let smoothing = study.configuration.training.labelSmoothing
    let smoothed = smoothing > 0 ? ", with label smoothing \(smoothing)" : ""
    let step = ArraySchema.AxisSchema.growing("step")
    func scalar(_ name: String, _ longName: String, _ units: String = "1") -> ArraySchema {
      ArraySchema(
        Layout.Progress.member(name), .float64, [step], longName: longName, units: units,
        coordinates: ["epoch", "seconds"])
    }
    return [
      scalar("loss", "mean cross entropy of the step's batch" + smoothed, "nat"),
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
          Layout.Progress.epoch, .float64, [step], longName: "passes over the training split"),
        ArraySchema(
          Layout.Progress.seconds, .float64, [step], longName: "time since the start", units: "s",
          attributes: WallClock.attributes),
        ArraySchema(Layout.Progress.step, .int32, [step], longName: "optimiser step, from 1"),
      ]
  }

  private static func checkpoints(
    _ study: LoadedStudy, _ layout: ParameterLayout
  ) -> [ArraySchema] {
    let checkpoint = ArraySchema.AxisSchema.growing("checkpoint")
    func scalar(_ name: String, _ type: ElementType, _ longName: String, _ units: String = "1")
      -> ArraySchema
    {
      ArraySchema(
        Layout.Checkpoints.member(name), type, [checkpoint], longName: longName, units: units)
    }
    let parameters = layout.entries.enumerated().map { index, entry in
      ArraySchema(
        Layout.Checkpoints.parameter(entry.name), .float32,
        [checkpoint] + entry.axes.map { .init($0.name, $0.length) },
        longName: ParameterMeaning(entry.name).longName, attributes: layout.facts(index))
    }
    let flat = [checkpoint, ArraySchema.AxisSchema("parameter", layout.count)]
    return [
      scalar("step", .int32, "optimiser steps done"),
      scalar("epoch", .float64, "passes over the training split done"),
      scalar("data_position", .int64, "samples of the current pass done"),
    ] + heldOut(study, scalar) + [
      scalar("test_loss", .float64, "mean cross entropy on the test split", "nat"),
      scalar("test_accuracy", .float64, "share of the test split classified rightly"),
      ArraySchema(
        Layout.Checkpoints.randomState, .uint64, [checkpoint, .init("word", 2)],
        longName: "seed and next stream of the shuffling generator (Philox 4x32-10)"),
      ArraySchema(
        Layout.Checkpoints.firstMoment, .float32, flat,
        longName: "first moment of the optimiser, each parameter from its attribute offset on"),
    ]
      + (study.configuration.training.optimizer.algorithm == .adamw
        ? [
          ArraySchema(
            Layout.Checkpoints.secondMoment, .float32, flat,
            longName: "second moment of AdamW, each parameter from its attribute offset on")
        ] : []) + parameters
  }

  /// Scores that only some studies have.
  private static func heldOut(
    _ study: LoadedStudy, _ scalar: (String, ElementType, String, String) -> ArraySchema
  ) -> [ArraySchema] {
    var arrays: [ArraySchema] = []
    if !study.validationIndices.isEmpty {
      arrays += [
        scalar("validation_loss", .float64, "mean cross entropy on the validation samples", "nat"),
        scalar(
          "validation_accuracy", .float64, "share of the validation samples classified rightly", "1"
        ),
      ]
    }
    if isContinued(study) {
      arrays.append(
        scalar(
          "test_bits_per_character", .float64, "cross entropy on the test split per character",
          "bit"))
    }
    return arrays
  }
}
