import Foundation

/// `training`: loss, accuracy, learning rate and gradient norm over the epochs of a run.
public enum TrainingFigure {
  /// What the figure shows; all series by step but those of checkpoints.
  public struct Content: Sendable {
    /// Passes over the training split at each step.
    public var epoch: [Double]
    /// Mean cross entropy of each step's batch, nats.
    public var loss: [Double]
    /// Share of each step's batch classified rightly.
    public var accuracy: [Double]
    /// Learning rate.
    public var rate: [Double]
    /// Global gradient norm before clipping.
    public var gradientNorm: [Double]
    /// Passes at each checkpoint, with loss and accuracy on the test split.
    public var checkpointEpoch: [Double], testLoss: [Double], testAccuracy: [Double]

    /// All series.
    public init(
      epoch: [Double], loss: [Double], accuracy: [Double], rate: [Double], gradientNorm: [Double],
      checkpointEpoch: [Double], testLoss: [Double], testAccuracy: [Double]
    ) {
      (self.epoch, self.loss, self.accuracy) = (epoch, loss, accuracy)
      (self.rate, self.gradientNorm) = (rate, gradientNorm)
      (self.checkpointEpoch, self.testLoss) = (checkpointEpoch, testLoss)
      self.testAccuracy = testAccuracy
    }
  }

  /// Draws the content.
  public static func make(_ content: Content, title: String, theme: Theme) -> Figure {
    let (train, test) = (theme.color(0), theme.color(1))
    let x = Scale(fitting: content.epoch + content.checkpointEpoch, including: [0])
    func axis(_ title: String) -> Panel.Axis { Panel.Axis(x, title: title) }
    func panel(
      _ title: String, _ units: String, _ values: [Double], _ checkpoints: [Double],
      kind: Scale.Kind = .linear, bottom: Bool
    ) -> Panel {
      var marks: [Panel.Mark] = [
        .line(content.epoch, values, .init(train.opacity(0.35), width: 0.7)),
        .line(content.epoch, smooth(values), .init(train, width: 1.4)),
      ]
      if !checkpoints.isEmpty {
        marks.append(.line(content.checkpointEpoch, checkpoints, .init(test, width: 1.4)))
        marks.append(
          .points(content.checkpointEpoch, checkpoints, test, radius: 2.4, hollow: false))
      }
      return Panel(
        title: title, x: axis(bottom ? "epoch" : ""),
        y: Panel.Axis(Scale(fitting: values + checkpoints, kind), title: units), marks: marks)
    }
    let rows = [
      [
        panel("Cross entropy", "nats", content.loss, content.testLoss, bottom: false),
        panel("Accuracy", "share right", content.accuracy, content.testAccuracy, bottom: false),
      ],
      [
        panel("Learning rate", "", content.rate, [], bottom: true),
        panel(
          "Gradient norm before clipping", "", content.gradientNorm, [], kind: .log, bottom: true),
      ],
    ]
    return Figure(
      title: title,
      caption: "Thin: every step's batch. Thick: running mean over 1/40 of the steps. "
        + "Points: the whole test split at each checkpoint; checkpoint 0 is the untrained network.",
      width: 520, height: 380,
      legend: [
        .init("training batches", .init(train)), .init("test split", .init(test)),
      ], sections: [.init(rows)])
  }

  /// Centred running mean over a fortieth of the series.
  static func smooth(_ values: [Double]) -> [Double] {
    let half = max(0, values.count / 80)
    var sums = [0.0]
    for value in values { sums.append(sums[sums.count - 1] + value) }
    return values.indices.map { i in
      let (low, high) = (max(0, i - half), min(values.count, i + half + 1))
      return (sums[high] - sums[low]) / Double(high - low)
    }
  }
}
