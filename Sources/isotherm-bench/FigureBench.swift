import ArgumentParser
import Console
import Figures
import Foundation
import Kernels

/// `isotherm-bench figure`: 24 attention heat maps of 49 x 49 with one colour bar, 1800 x 1200 pixels, stored as PNG, as the
/// peer's. With `--rounds 1` the whole process is the cold figure.
struct FigureBench: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "figure")

  @Option var rounds = 4
  @Option var output = NSTemporaryDirectory() + "/isotherm-bench-figure.png"

  func run() throws {
    var random = Philox(seed: 1, stream: 0)
    let maps = (0..<6).map { _ in
      (0..<4).map { _ in
        (0..<49).flatMap { _ -> [Double] in
          // Exponential numbers over their sum are Dirichlet with all parameters 1.
          let row = (0..<49).map { _ in -log(1 - random.uniform()) }
          let sum = row.reduce(0, +)
          return row.map { $0 / sum }
        }
      }
    }
    var best = Double.infinity
    for round in 0..<rounds {
      let seconds = try time { try draw(maps) }
      if round > 0 || rounds == 1 { best = min(best, seconds) }
    }
    try? FileManager.default.removeItem(atPath: output)
    Console.output(try Console.encode(["seconds_per_figure": best]))
  }

  private func draw(_ maps: [[[Double]]]) throws {
    var figure = AttentionFigure.make(
      maps, layers: Array(0..<6), keys: 49, title: "Attention", what: "Made up.", theme: .light)
    (figure.width, figure.height) = (864, 576)
    try PNGFile.write(figure.draw(.light, dpi: 150), to: output, texts: [])
  }
}
