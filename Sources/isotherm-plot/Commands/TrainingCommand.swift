import Archive
import ArgumentParser
import Figures

/// `isotherm-plot training RUN -o OUT.png`
struct TrainingCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "training", abstract: "Loss, accuracy, learning rate and gradient norm.")

  static let kinds: [RunSchema.Kind] = [.run]

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    try source.require(Layout.Progress.loss, "only a run of isotherm train has its training")
    func progress(_ name: String) throws -> [Double] {
      try source.numbers(Layout.Progress.member(name)).elements
    }
    func checkpoints(_ name: String) throws -> [Double] {
      try source.numbers(Layout.Checkpoints.member(name)).elements
    }
    let content = TrainingFigure.Content(
      epoch: try progress("epoch"), loss: try progress("loss"),
      accuracy: try progress("accuracy"), rate: try progress("learning_rate"),
      gradientNorm: try progress("gradient_norm"), checkpointEpoch: try checkpoints("epoch"),
      testLoss: try checkpoints("test_loss"), testAccuracy: try checkpoints("test_accuracy"),
      classCount: try source.classCount())
    guard !content.epoch.isEmpty else {
      throw ArchiveError(.layout, "\(source.reader.path): no training step is recorded yet")
    }
    let title = "Training: \(source.reader.title)"
    return TrainingFigure.make(content, title: title, theme: options.theme.theme)
  }
}
