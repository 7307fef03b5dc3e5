import Figures
import Foundation

/// Every figure of the catalogue on made-up values.
enum Catalogue {
  static func wave(_ count: Int, _ shift: Double = 0) -> [Double] {
    (0..<count).map { 0.5 + 0.4 * sin(Double($0) / 5 + shift) }
  }

  /// `wave(count, shift)` gives all values.
  static func figures(
    _ theme: Theme, _ wave: (Int, Double) -> [Double] = Catalogue.wave
  ) -> [(name: String, figure: Figure)] {
    let layers = Array(0..<6)
    let curves = (0..<5).map { wave(6, Double($0)) }
    let trajectories = ["network", "autonomous", "diffusion"].map { name in
      FlowFigure.Trajectory(
        name: name, norms: (0..<7).map { wave(49, Double($0)) }, correlation: wave(6, 0),
        correlationLower: wave(6, 0), correlationUpper: wave(6, 0), error: wave(7, 0),
        errorLower: wave(7, 0),
        errorUpper: wave(7, 0), alignment: wave(49, 0))
    }
    let measure = SimilarityFigure.Measure(
      title: "raw cosine", value: curves, lower: curves, upper: curves, skill: [wave(6, 0)],
      skillLower: [wave(6, 0)], skillUpper: [wave(6, 0)])
    let pairs = wave(7, 0).map { ($0 - 0.1, $0 + 0.1) }
    let plane = InformationPlaneFigure.Plane(
      estimator: "kde", settings: "noise", input: (0..<6).map { wave(7, Double($0)) },
      label: (0..<6).map { wave(7, Double($0) / 2) }, labelNull: wave(7, 0), inputInterval: pairs,
      labelInterval: pairs, saturated: [Bool](repeating: false, count: 7))
    return [
      (
        "training",
        TrainingFigure.make(
          .init(
            epoch: (0..<200).map { Double($0) / 40 }, loss: wave(200, 0), accuracy: wave(200, 0),
            rate: wave(200, 0).map { $0 / 1000 }, gradientNorm: wave(200, 0).map { $0 * 30 },
            checkpointEpoch: [0, 1, 2, 3, 4, 5], testLoss: wave(6, 0), testAccuracy: wave(6, 0)),
          title: "Training", theme: theme)
      ),
      (
        "flow",
        FlowFigure.make(
          trajectories, rows: 7, columns: 7, samples: 8, title: "Flow", theme: theme)
      ),
      (
        "attention",
        AttentionFigure.make(
          (0..<6).map { layer in (0..<4).map { wave(81, Double(layer + $0)) } }, layers: layers,
          keys: 9, title: "Attention", what: "Made up.", theme: theme)
      ),
      (
        "similarity",
        SimilarityFigure.make(
          [measure, measure], names: ["pde", "uniform", "position", "untrained", "shuffled"],
          isNull: [false, true, true, true, true], layers: layers, samples: 8,
          parameters: [50_000], title: "Similarity", theme: theme)
      ),
      (
        "information-plane",
        InformationPlaneFigure.make(
          [plane, plane], depthTimes: (0..<7).map { Double($0) / 6 }, samples: 256,
          title: "Plane", theme: theme)
      ),
      (
        "gradients",
        GradientsFigure.make(
          (0..<300).map { step in (0..<6).map { exp(Double($0) - Double(step) / 60) } },
          steps: (1...300).map(Double.init), title: "Gradients", theme: theme)
      ),
      (
        "correlation",
        CorrelationFigure.make(
          ["network", "autonomous"].enumerated().map {
            Curve(
              $1, [1, 2, 3, 4, 5, 6], wave(6, Double($0)), lower: wave(6, 0), upper: wave(6, 0))
          }, samples: 8, title: "Correlation", theme: theme)
      ),
      (
        "cka",
        AlignmentFigure.make(
          [wave(49, 0), wave(49, 2)], names: ["network", "autonomous"], depths: 7, samples: 8,
          title: "CKA", theme: theme)
      ),
      (
        "drift",
        DriftFigure.make(
          ["Drift", "Direction", "Positions apart"].map {
            .init(
              title: $0, axis: "made up",
              curves: ["network", "autonomous"].enumerated().map {
                Curve(
                  $1, (0..<7).map(Double.init), wave(7, Double($0)), lower: wave(7, 0),
                  upper: wave(7, 0))
              }, including: [0, 1])
          }, samples: 8, title: "Drift", theme: theme)
      ),
      (
        "skill",
        SkillFigure.make(
          ["raw cosine", "centred cosine", "rank correlation"].map {
            .init(
              title: $0, value: [wave(6, 0), wave(6, 2)], lower: [wave(6, 0), wave(6, 0)],
              upper: [wave(6, 0), wave(6, 0)])
          }, models: ["autonomous", "modulated"], parameters: [50_049, 90_501], layers: layers,
          samples: 8, title: "Skill", theme: theme)
      ),
      (
        "information-layers",
        InformationLayersFigure.make(
          [plane, plane], depthTimes: (0..<7).map { Double($0) / 6 }, samples: 256,
          title: "Information over depth", theme: theme)
      ),
      (
        "field-line",
        FieldFigure.make(
          (0..<30).map { wave(60, Double($0) / 4) }, rows: 1, columns: 60,
          times: (0..<30).map(Double.init), energy: wave(30, 0), mass: wave(30, 0),
          ending: "reached t = 29", title: "Field", theme: theme)
      ),
      (
        "field-plane",
        FieldFigure.make(
          (0..<8).map { shift in wave(144, Double(shift)).map { $0 - 0.5 } }, rows: 12, columns: 12,
          times: (0..<8).map(Double.init), energy: [], mass: wave(8, 0), ending: "reached t = 7",
          title: "Field", theme: theme)
      ),
      (
        "phase",
        PhaseFigure.make(
          (0..<20).map { t in
            (0..<12).flatMap { i in
              let angle = Double(i) * 0.5 + 0.02 * Double(t * (6 - i))
              return [cos(angle), sin(angle)]
            }
          }, dimension: 2, times: (0..<20).map(Double.init), isSphere: true, energy: wave(20, 0),
          ending: "reached t = 19", title: "Phase", theme: theme)
      ),
      (
        "terms",
        TermsFigure.make(
          ["autonomous", "modulated"].map { name in
            .init(
              name: name,
              terms: ["diffusion", "attention", "reaction"].enumerated().map {
                Curve($1, (0..<6).map(Double.init), wave(6, Double($0)))
              })
          }, x: "layer", caption: "Made up.", title: "Terms", theme: theme)
      ),
      (
        "convergence",
        ConvergenceFigure.make(
          ["euler", "heun", "rk4"], expected: [1, 2, 4], found: [0.97, 2.3, 4.05],
          tolerance: [0.2, 0.2, 0.2], title: "Orders", theme: theme)
      ),
      (
        "perturbation",
        PerturbationFigure.make(
          ["noise", "mask"].flatMap { kind in
            [0.01, 0.1, 1].map { size in
              .init(
                kind: kind, size: size, name: "\(kind) of \(size)",
                growth: ["network", "autonomous"].enumerated().map {
                  Curve(
                    $1, (0..<7).map { Double($0) / 6 }, wave(7, Double($0)), lower: wave(7, 0),
                    upper: wave(7, 0))
                }, attention: wave(2, size), flipped: 0.1)
            }
          }, names: ["network", "autonomous"], samples: 8, title: "Perturbation", theme: theme)
      ),
      (
        "attention-rollout",
        AttentionFigure.make(
          (0..<6).map { layer in [wave(81, Double(layer) / 3)] }, layers: layers, keys: 9,
          title: "Rollout", what: "Made up.", theme: theme)
      ),
      (
        "stability",
        StabilityFigure.make(
          ["Drift", "Direction", "Growth", "Positions apart"].map { name in
            let curves = ["network", "autonomous"].enumerated().map {
              Curve($1, (0..<7).map { Double($0) / 6 }, wave(7, Double($0)))
            }
            return .init(
              title: name, axis: "made up", before: curves.reversed(), after: curves,
              including: [0])
          }, outcome: "network: diverged.", samples: 8, title: "Stability", theme: theme)
      ),
      (
        "spectrum",
        SpectrumFigure.make(
          ["autonomous", "modulated"].map {
            .init(
              name: $0, modes: (1...30).map(Double.init),
              power: (0..<7).map { depth in wave(30, Double(depth)).map { abs($0) + 0.01 } })
          }, times: (0..<7).map { Double($0) / 6 }, time: "depth-time", caption: "Made up.",
          title: "Spectrum", theme: theme)
      ),
      (
        "bottleneck-curve",
        BottleneckCurveFigure.make(
          ["binning", "kde"].map { name in
            (
              name: name,
              trajectories: ["network", "autonomous"].enumerated().map { index, name in
                .init(
                  name: name, input: wave(7, Double(index)), label: wave(7, 2),
                  null: wave(7, 0).map { $0 / 10 }, inputInterval: pairs, labelInterval: pairs)
              }
            )
          }, entropy: 1.2, samples: 256, title: "Bottleneck curve", theme: theme)
      ),
      (
        "comparison",
        ComparisonFigure.make(
          [
            .init(
              title: "raw cosine", meaning: "made up", axis: "layer",
              curves: (0..<9).map {
                Curve(
                  "model \($0)", layers.map(Double.init), wave(6, Double($0)),
                  lower: wave(6, Double($0)).map { $0 - 0.1 },
                  upper: wave(6, Double($0)).map { $0 + 0.1 })
              }),
            .init(
              title: "accuracy", meaning: "made up", axis: "",
              curves: (0..<4).map {
                let value = wave(4, 0)[$0]
                return Curve(
                  "norm pre, layers \($0)", [0], [value], lower: [value - 0.1],
                  upper: [value + 0.1])
              }),
          ], seeds: 3, title: "Comparison", theme: theme)
      ),
      (
        "catalog",
        CatalogFigure.make(
          ["residual true", "residual false"].enumerated().map { index, name in
            (
              name: name,
              points: ["0.001", "0.01", "0.1"].enumerated().map { place, key in
                let value = wave(3, Double(index))[place]
                return .init(
                  key: key, mean: value, lower: value - 0.1, upper: value + 0.1,
                  seeds: [value - 0.05, value + 0.05])
              }
            )
          }, key: "training.rate", metric: "made up", seeds: 2, title: "Catalog", theme: theme)
      ),
      (
        "any",
        AnyFigure.make(
          wave(480, 0),
          axes: [
            .init(name: "time", coordinates: (0..<30).map { Double($0) / 10 }),
            .init(name: "y", coordinates: [0, 1, 2, 3]),
            .init(name: "x", coordinates: [0, 1, 2, 3]),
          ], quantity: "made up", title: "Any", theme: theme)
      ),
    ] + networks(theme, wave) + inputs(theme, wave)
  }

  /// Every mark once.
  static func marks(_ theme: Theme) -> [(name: String, figure: Figure)] {
    let x = (0..<30).map(Double.init)
    let bump = (0..<400).map { i in
      let (a, b) = (Double(i % 20) - 9.5, Double(i / 20) - 9.5)
      return exp(-(a * a + 2 * b * b) / 40)
    }
    let samples = (0..<4).map { shift in
      (0..<80).map { sin(Double($0 * $0 + shift)) + Double(shift) }
    }
    let axis = Panel.Axis(Scale(fitting: x), title: "x")
    let names = Panel.Axis.categories(["one", "two", "three", "four"])
    let range = Panel.Axis(Scale(fitting: samples.flatMap { $0 }))
    let rows: [[Panel]] = [
      [
        Panel(
          title: "Line, band, level", x: axis, y: .init(Scale(fitting: [0, 1])),
          marks: [
            .band(
              x, wave(30).map { $0 - 0.1 }, wave(30).map { $0 + 0.1 }, theme.color(0).opacity(0.2)),
            .line(x, wave(30), .init(theme.color(0))), .level(0.5, theme.null, "half"),
            .vertical(12, theme.null, "twelve"), .words(2, 0.05, "α₂ βᵢ x²", theme.foreground),
          ]),
        Panel(
          title: "Errors, points", x: axis, y: .init(Scale(fitting: [0, 1])),
          marks: [
            .errors(x, wave(30).map { $0 - 0.1 }, wave(30).map { $0 + 0.1 }, theme.color(1)),
            .points(x, wave(30), theme.color(1), radius: 2, hollow: true),
          ]),
        Panel(
          title: "Histogram", x: .init(Scale(fitting: samples[0])),
          y: .init(Scale(fitting: [0, 30])),
          marks: Panel.histogram(samples[0], theme.color(2)).marks),
      ],
      [
        Panel(
          title: "Boxes", x: names, y: range,
          marks: [
            .boxes(
              samples.enumerated().compactMap { Panel.Box($1, at: Double($0)) }, width: 0.5,
              theme.color(0))
          ]),
        Panel(
          title: "Violins", x: names, y: range,
          marks: samples.enumerated().compactMap {
            Panel.violin($1, at: Double($0), width: 0.8, theme.color(3))
          }),
        Panel(
          title: "Symmetric log", x: axis,
          y: .init(Scale(.symmetricLog(0.1), -1000...1000)),
          marks: [
            .line(
              x, x.map { pow(-1.5, $0 / 2).isNaN ? 0 : ($0 - 15) * abs($0 - 15) },
              .init(theme.color(4)))
          ]),
      ],
      [
        Panel(
          title: "Contours", x: .init(Scale(.linear, 0...20)), y: .init(Scale(.linear, 0...20)),
          marks: [
            .cells(bump, rows: 20, columns: 20, .cividis, 0...1),
            .contours(bump, rows: 20, columns: 20, levels: [0.2, 0.5, 0.8], Color(hex: 0xFFFFFF)),
          ], hasGrid: false),
        Panel(
          title: "Arrows", x: .init(Scale(.linear, -1...10)), y: .init(Scale(.linear, -1...10)),
          marks: [
            .arrows(
              (0..<100).map { Double($0 % 10) }, (0..<100).map { Double($0 / 10) },
              (0..<100).map { cos(Double($0)) * 0.8 }, (0..<100).map { sin(Double($0)) * 0.8 },
              theme.color(0))
          ]),
        Panel(
          title: "Missing cells", x: .init(Scale(.linear, 0...4)), y: .init(Scale(.linear, 0...1)),
          marks: [.cells([0, .nan, 0.5, 1], rows: 1, columns: 4, .magma, 0...1)], hasGrid: false),
      ],
    ]
    return [
      ("marks", Figure(title: "Every mark", width: 560, height: 520, sections: [.init(rows)]))
    ]
  }
}
