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
    /// Number of classes, of which guesses hit one; 0 where answers are no classes.
    public var classCount: Int

    /// All series.
    public init(
      epoch: [Double], loss: [Double], accuracy: [Double], rate: [Double], gradientNorm: [Double],
      checkpointEpoch: [Double], testLoss: [Double], testAccuracy: [Double], classCount: Int = 0
    ) {
      (self.epoch, self.loss, self.accuracy) = (epoch, loss, accuracy)
      (self.rate, self.gradientNorm) = (rate, gradientNorm)
      (self.checkpointEpoch, self.testLoss) = (checkpointEpoch, testLoss)
      (self.testAccuracy, self.classCount) = (testAccuracy, classCount)
    }
  }

  /// Draws the content.
  public static func make(_ content: Content, title: String, theme: Theme) -> Figure {
    let (train, test) = (theme.color(0), theme.color(1))
    let x = Scale(fitting: content.epoch + content.checkpointEpoch, including: [0])
    func axis(_ title: String) -> Panel.Axis { Panel.Axis(x, title: title) }
    func panel(
      _ title: String, _ units: String, _ values: [Double], _ checkpoints: [Double],
      kind: Scale.Kind = .linear, chance: Double? = nil, bottom: Bool
    ) -> Panel {
      var marks: [Panel.Mark] = chance.map { [.level($0, theme.null, "chance")] } ?? []
      marks += [
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
        y: Panel.Axis(
          Scale(fitting: values + checkpoints, kind, including: chance.map { [$0] } ?? []),
          title: units), marks: marks)
    }
    let classes = content.classCount > 1 ? Double(content.classCount) : nil
    let rows = [
      [
        panel(
          "Cross entropy", "nats", content.loss, content.testLoss,
          chance: classes.map { log($0) }, bottom: false),
        panel(
          "Accuracy", "share of right answers", content.accuracy, content.testAccuracy,
          chance: classes.map { 1 / $0 }, bottom: false),
      ],
      [
        panel("Learning rate", "learning rate", content.rate, [], bottom: true),
        panel(
          "Gradient norm before clipping", "gradient norm", content.gradientNorm, [], kind: .log,
          bottom: true),
      ],
    ]
    return Figure(
      title: title,
      caption: "Thin: every step's batch. Thick: running mean over 1/40 of the steps. "
        + "Points: the whole test split at each checkpoint; checkpoint 0 is the untrained network."
        + (classes == nil ? "" : " Null, dashed: what a guess among the classes gets."),
      width: 520, height: 380,
      legend: [
        .init("training batches", .init(train)), .init("test split", .init(test)),
      ], sections: [.init(rows)])
  }

  /// Centred running mean over a fortieth of the series: of its finite values, and NaN or infinite where the series is.
  static func smooth(_ values: [Double]) -> [Double] {
    let half = max(0, values.count / 80)
    let sizes = values.lazy.map { abs($0) }
    // Differences of running sums lose what is small beside what came before, and all after a NaN.
    if let largest = sizes.max(), let smallest = sizes.filter({ $0 > 0 }).min(),
      !values.contains(where: { !$0.isFinite }), largest < 1e290, largest <= 1e9 * smallest
    {
      return plainSmooth(values, half)
    }
    return carefulSmooth(values, half)
  }

  /// Sums of windows from sums to the ends of blocks of their length (van Herk 1992): nothing is ever taken away from a sum.
  private static func carefulSmooth(_ values: [Double], _ half: Int) -> [Double] {
    let length = 2 * half + 1
    let largest = values.lazy.filter(\.isFinite).map { abs($0) }.max() ?? 0
    let unit = largest > 1e200 ? 0x1p-100 : 1.0
    func kept(_ i: Int) -> (sum: Double, count: Double) {
      values[i].isFinite ? (values[i] * unit, 1) : (0, 0)
    }
    let (count, none) = (values.count, (sum: 0.0, count: 0.0))
    var (left, right) = ([none], [(sum: Double, count: Double)](repeating: none, count: count))
    left.removeAll()
    left.reserveCapacity(count)
    for i in 0..<count {
      let (here, before) = (kept(i), i % length == 0 ? none : left[i - 1])
      left.append((here.sum + before.sum, here.count + before.count))
    }
    for i in stride(from: count - 1, through: 0, by: -1) {
      let isLast = i == count - 1 || (i + 1) % length == 0
      let (here, after) = (kept(i), isLast ? none : right[i + 1])
      right[i] = (here.sum + after.sum, here.count + after.count)
    }
    return values.indices.map { i in
      guard values[i].isFinite else { return values[i] }
      let (low, high) = (max(0, i - half), min(count, i + half + 1) - 1)
      var total = left[high]
      if low / length != high / length {
        total = (total.sum + right[low].sum, total.count + right[low].count)
      } else if low % length != 0 {
        // Within one block, cut short by the end of the series.
        total = right[low]
      }
      return total.sum / total.count / unit
    }
  }

  private static func plainSmooth(_ values: [Double], _ half: Int) -> [Double] {
    var sums = [0.0]
    for value in values { sums.append(sums[sums.count - 1] + value) }
    return values.indices.map { i in
      let (low, high) = (max(0, i - half), min(values.count, i + half + 1))
      return (sums[high] - sums[low]) / Double(high - low)
    }
  }
}
