import Foundation
import Testing

/// What ``FuzzTests`` mutates: a valid line of every subcommand that is over soon, and archives of every kind for them to read.
enum FuzzLines {
  static let all: [String: [[String]]] = [
    "isotherm": isotherm, "isotherm-archive": archive, "isotherm-analyze": analyze,
    "isotherm-plot": plot,
  ]

  private static let isotherm: [[String]] = [
    ["train", "study.yaml", "--dry-run"],
    ["train", "study.yaml", "-o", "n", "--set", "data.file=no.h5"],
    ["tokenize", "austen-small.h5", "--vocabulary", "258", "-o", "n"],
    ["fit", "run", "-o", "n", "--set", "pde.samples=8", "--set", "pde.epochs=1"],
    ["integrate", "problem.yaml", "--dry-run"],
    ["integrate", "problem.yaml", "-o", "n", "--set", "time.end=0.01"],
    ["perturb", "run", "-o", "n", "--set", "perturb.noise=[0.1]"],
    ["inform", "run", "--dry-run"],
    [
      "inform", "--x", "run.h5:/samples/label", "--y", "run.h5:/samples/index", "--shuffles", "2",
      "--resamples", "3",
    ],
    ["import", "gpt2", "-o", "n"],
    ["import", "arrays.npz", "--preset", "huggingface", "--dry-run"],
    ["capture", "net", "--tokens", "ids.h5:/ids", "--mask", "ids.h5:/mask", "-o", "n"],
    ["evaluate", "net", "--tokens", "ids.h5:/ids", "--samples", "0:2"],
    ["evaluate", "net", "--tokens", "ids.h5:/ids", "--against", "net", "--points", "3", "-o", "n"],
    ["keys", "pde", "--markdown"],
    ["study", "attention", "--size", "smoke", "-o", "n", "--dry-run"],
    ["verify", "dynamics", "-o", "nowhere/n"], ["demo", "--set", "nothing=1", "-o", "n"],
  ]

  private static let archive: [[String]] = [
    ["ls", "run"], ["ls", "flow", "--provenance", "--json"], ["check", "flow"],
    ["diff", "flow", "fields"],
    ["diff", "flow", "flow", "--tolerance", "1"], ["recover", "n"], ["seal", "n.run"],
    ["export", "flow", "--to", "csv", "-o", "n.csv", "--select", "/metrics/*"],
    ["export", "run", "--to", "npz", "-o", "n.npz", "--checkpoint", "last"],
    ["repack", "flow", "-o", "n", "--for", "sample", "--compression", "gzip-1"],
    ["merge", "flow", "flow", "-o", "n", "--along", "layer"],
    [
      "catalog", ".", "--columns", "kind,seed", "--where", "kind=run", "--sort", "seed",
      "--no-cache",
    ],
  ]

  private static let analyze: [[String]] = [
    ["flow", "run", "fields", "--seed", "3"], ["attention", "run", "fields", "--csv"],
    ["stability", "run", "-o", "n"], ["gradients", "run", "--json"],
    ["perturbation", "noise", "--csv"], ["bottleneck", "info", "--json"],
    ["weights", "net", "--csv"], ["weights", "run", "--changes"],
    ["weights", "run", "--changes", "--against", "second"],
    ["heads", "net", "--checkpoint", "0"], ["lens", "captured", "net", "--samples", "2"],
    ["compare", "stability", "stability2", "-o", "n", "--metric", "x", "--where", "a=b"],
    ["compare", "comparison", "--markdown"],
  ]

  /// Figure, archive and further words.
  private static let figures: [(String, [String])] = [
    ("overview", ["run", "fields", "attention"]), ("training", ["run"]), ("gradients", ["run"]),
    ("flow", ["flow"]), ("correlation", ["flow"]), ("cka", ["flow"]),
    ("drift", ["flow", "--columns", "1"]), ("attention", ["run"]),
    ("attention", ["fields", "--theme", "dark"]),
    ("attention-input", ["run", "fields"]), ("attention-rollout", ["run"]),
    ("similarity", ["attention"]), ("skill", ["attention"]), ("terms", ["fields"]),
    ("information-plane", ["info"]), ("information-layers", ["info"]),
    ("bottleneck-curve", ["info"]), ("field", ["solution"]), ("phase", ["tokens"]),
    ("spectrum", ["fields"]), ("spectrum", ["solution"]), ("convergence", ["orders"]),
    ("perturbation", ["perturbation"]), ("stability", ["stability"]),
    ("singular-values", ["weights"]), ("weights-map", ["weights", "--metric", "stable_rank"]),
    ("heads", ["heads"]), ("composition", ["heads"]), ("lens", ["lens"]),
    ("checkpoint-cka", ["changes"]), ("barrier", ["barrier"]),
    ("comparison", ["comparison", "--metric", "stability/cka_first"]),
    ("catalog", ["comparison", "--metric", "stability/cka_first", "--key", "training.rate"]),
    ("any", ["run", "--dataset", "/samples/label"]),
    ("any", ["run", "--dataset", "/activations/residual.0.post/values", "--at", "0,0"]),
  ]

  private static let plot: [[String]] =
    figures.map { [$0.0] + $0.1 + ["-o", "n.png", "--dpi", "20"] } + [
      ["flow", "flow", "-o", "n.svg"], ["training", "run", "-o", "n.pdf"],
      ["animate", "field", "solution", "-o", "n.png", "--dpi", "20", "--seconds", "1"], ["list"],
      ["report", "flow", "run", "-o", "n", "--dpi", "20"], ["verify", "figure.png"],
      ["show", "figure.png"],
    ]

  /// A folder with one small archive of every kind that a line above reads, and what they are made of. Made once.
  static let folder: Result<String, any Error> = Result {
    let folder = try Programs.scratch()
    atexit { FuzzLines.remove() }
    try SmallArchives.copy(to: folder)
    for name in ["run", "fields", "flow"] {
      try FileManager.default.removeItem(atPath: "\(folder)/\(name).h5")
    }
    for (name, file) in [
      ("study.yaml", Programs.study), ("problem.yaml", "data/problems/heat.yaml"),
      ("sphere.yaml", "data/problems/sphere.yaml"),
      ("gpt2", "Tests/PretrainedNetworksTests/networks/gpt2-bare"),
    ] {
      try FileManager.default.copyItem(
        atPath: Programs.root + "/" + file, toPath: folder + "/" + name)
    }
    for line in making {
      let arguments = line.dropFirst().map { $0 }
      let made = try Programs.run(line[0], arguments, in: folder)
      try #require(made.status == 0, "\(line): \(made.errors)")
    }
    return folder
  }

  private static func remove() {
    if case .success(let folder) = folder { try? FileManager.default.removeItem(atPath: folder) }
  }

  /// The lines that make the archives, in this order.
  private static var making: [[String]] {
    let data = ["--set", "data.file=fashion-mnist-small.h5"]
    let taps =
      "capture.taps=[residual.0.pre, residual.*.post, gradient.residual.0.pre, "
      + "gradient.residual.*.post, {tap: attention.*.map, samples: 16}]"
    let train = Programs.small + data + ["--set", taps]
    let arrays = """
      import numpy
      states = {f"hidden_{layer}": numpy.full((2, 3, 4), layer + 1, "f4") for layer in range(3)}
      maps = {f"attn_{layer}": numpy.full((2, 2, 3, 3), 1 / 3, "f4") for layer in range(2)}
      numpy.savez("arrays.npz", **states, **maps)
      """
    return [
      ["isotherm", "train", "study.yaml", "-o", "run"] + train,
      ["isotherm", "train", "study.yaml", "-o", "second", "--set", "training.rate=0.002"] + train,
      ["isotherm", "fit", "run", "-o", "fields"] + data
        + ["pde.samples=32", "pde.epochs=1", "pde.model=autonomous"].flatMap { ["--set", $0] },
      ["isotherm", "perturb", "run", "-o", "noise", "--fields", "fields"]
        + ["--set", "perturb.noise=[0.1]"],
      ["isotherm", "inform", "run", "-o", "info"]
        + [
          "information.resamples=4", "information.shuffles=4",
          "information.estimators=[kde, binning]",
        ].flatMap { ["--set", $0] },
      ["isotherm", "integrate", "sphere.yaml", "-o", "tokens", "--set", "time.end=0.01"],
      ["isotherm", "verify", "dynamics", "-o", "orders"],
      ["isotherm", "capture", "net", "--tokens", "ids.h5:/ids", "-o", "captured"],
      ["isotherm", "evaluate", "run", "--against", "second", "--points", "3", "-o", "barrier"],
      [Programs.root + "/.venv/bin/python", "-c", arrays],
    ]
      + [
        ["flow", "run", "fields", "-o", "flow"], ["attention", "run", "fields", "-o", "attention"],
        ["stability", "run", "-o", "stability"], ["stability", "second", "-o", "stability2"],
        ["compare", "stability", "stability2", "-o", "comparison"],
        ["perturbation", "noise", "-o", "perturbation"], ["weights", "net", "-o", "weights"],
        ["weights", "run", "--changes", "-o", "changes"], ["heads", "net", "-o", "heads"],
        ["lens", "captured", "net", "-o", "lens"],
      ].map { ["isotherm-analyze"] + $0 }
      + [["isotherm-plot", "training", "run", "-o", "figure.png", "--dpi", "20"]]
  }
}
