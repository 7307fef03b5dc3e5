import Foundation

extension StudyConfiguration {
  /// The whole configuration with every default written out, YAML.
  public var yaml: String {
    let taps = capture.requests.map { "{tap: \(quoted($0.pattern)), samples: \($0.samples)}" }
    return """
      title: \(quoted(title))
      seed: \(seed)
      \(dataLine)
      \(modelLine)
      \(trainingLine)
      capture: {taps: [\(taps.joined(separator: ", "))], samples: \(capture.samples), \
      every: \(capture.steps == 0 ? "epoch" : "\(capture.steps)"), type: \(capture.type)}
      \(pde.yaml)
      \(information.yaml)
      perturb: {noise: \(perturbation.noise), mask: \(perturbation.mask), swap: \(perturbation.swap)}

      """
  }

  private var dataLine: String {
    switch data.modality {
    case .image(let patch):
      return "data: {modality: image, file: \(quoted(data.file)), patch: \(patch)}"
    case .text(let text):
      let file =
        text.vocabularyFile.isEmpty ? "" : "vocabulary_file: \(quoted(text.vocabularyFile)), "
      return
        "data: {modality: text, file: \(quoted(data.file)), tokenizer: \(text.tokenizer.rawValue), "
        + "vocabulary: \(text.vocabulary), \(file)tokens: \(text.tokens), task: \(text.task.rawValue)}"
    }
  }

  private var modelLine: String {
    let variant = model.variant
    let refine = model.refinements.map {
      "{kind: \($0.kind.rawValue), after: \($0.layer.map(String.init) ?? "embedding"), steps: \($0.steps)}"
    }
    return "model: {width: \(model.width), heads: \(model.heads), "
      + "kv_heads: \(variant.keyValueHeads ?? model.heads), layers: \(model.layers), mlp: \(model.mlp), "
      + "norm: \(variant.norm.rawValue), norm_kind: \(variant.normKind.rawValue), "
      + "residual: \(variant.hasResidual), positions: \(variant.positions.rawValue), "
      + "activation: \(variant.activation.rawValue), pool: \(variant.pooling.rawValue), "
      + "causal: \(variant.isCausal), tied: \(variant.isTied), dropout: \(variant.dropout), "
      + "refine: [\(refine.joined(separator: ", "))]}"
  }

  private var trainingLine: String {
    let o = training.optimizer
    let channel =
      training.bottleneck.map {
        ", bottleneck_layer: \($0.layer), bottleneck_weight: \($0.weight)"
      } ?? ""
    return "training: {epochs: \(training.epochs), batch: \(training.batch), "
      + "accumulate: \(training.accumulate), optimizer: \(o.algorithm.rawValue), rate: \(o.rate), "
      + "schedule: \(o.schedule.rawValue), warmup: \(o.warmup), decay: \(o.decay), clip: \(o.clip), "
      + "momentum: \(o.momentum), label_smoothing: \(training.labelSmoothing), "
      + "validation: \(training.validation), patience: \(training.patience), "
      + "divergence: \(training.divergence.rawValue)\(channel)}"
  }

  private func quoted(_ text: String) -> String { Self.quoted(text) }

  /// A text between quotes, as YAML reads it.
  static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\", "\"": out += "\\\(scalar)"
      // A line break within quotes would be folded into a space, and other control characters are not YAML.
      case _
      where scalar.properties.generalCategory == .control
        || "\u{2028}\u{2029}\u{FEFF}".unicodeScalars.contains(scalar):
        out += "\\u" + String(format: "%04X", scalar.value)
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}

extension StudyConfiguration.PDE {
  /// One line of a configuration.
  var yaml: String {
    "pde: {models: [\(models.map(\.rawValue).joined(separator: ", "))], "
      + "objective: \(objective.rawValue), every: \(every.rawValue), stepper: \(stepper.rawValue), substeps: \(substeps), boundary: \(boundary.rawValue), "
      + "degree: \(degree), rank: \(rank), samples: \(samples), epochs: \(epochs), "
      + "batch: \(batch), rate: \(rate), attention_weight: \(attentionWeight)}"
  }
}

extension StudyConfiguration.Information {
  /// One line of a configuration.
  var yaml: String {
    "information: {estimators: [\(estimators.map(\.rawValue).joined(separator: ", "))], "
      + "pairs: [\(pairs.map(\.rawValue).joined(separator: ", "))], taps: \(taps.rawValue), "
      + "noise: \(noise), bins: \(bins), bootstrap: \(resamples), shuffles: \(shuffles)}"
  }
}
