import Archive
import Console
import Dynamics
import Transformer

/// What decides a fit or an estimate on captures: no data and no training stand in it, since nobody trains here.
struct CapturedConfiguration: Sendable {
  /// One line for people.
  let title: String
  /// Seed of every random path.
  let seed: UInt64
  /// The PDE that is fitted.
  let pde: StudyConfiguration.PDE
  /// How information is estimated.
  let information: StudyConfiguration.Information
  /// What somebody who typed the settings should know.
  let notes: [String]
  /// The form that the equation takes over from the network.
  private(set) var form: NetworkForm

  /// What the archive `reader` says of its network, with `--set` assignments on top: `seed`, `pde`, `information`, `network`.
  /// - Throws: `UsageError` for a key that is none, or that needs the network itself.
  init(_ reader: RunReader, settings: [String]) throws {
    for setting in settings {
      for section in ["training", "model", "data", "capture", "perturb"]
      where setting.hasPrefix(section + ".") || setting.hasPrefix(section + "=") {
        throw UsageError(
          "--set \(setting): \(reader.path) holds captures and no network to train or run; seed, pde, information and network "
            + "can be set")
      }
    }
    let form = try NetworkForm(reader)
    // Where attention and MLP read the same state, Euler's step is a layer.
    let text = form.yaml + (form.isParallel ? "pde: {stepper: euler}\n" : "")
    try self.init(yaml: text, title: reader.title, name: reader.path, settings: settings)
  }

  /// Reads what ``yaml`` has written.
  init(yaml: String, title: String, name: String, settings: [String] = []) throws {
    let root = try ConfigurationReader(
      yaml: yaml, name: name, settings: settings, formerNames: StudyConfiguration.formerNames,
      isTyped: false)
    notes = root.notes
    self.title = try root.text("title", title)
    seed = UInt64(try root.integer("seed", 1, 0...Int.max))
    pde = try StudyConfiguration.PDE(root.section("pde"))
    information = try StudyConfiguration.Information(root.section("information"))
    form = NetworkForm()
    let network = try root.section("network")
    form.isCausal = try network.flag("causal", false)
    form.classTokens = try network.integer("class_tokens", 0, 0...64)
    form.rows = try network.integer("rows", 1, 1...65536)
    form.isParallel = try network.flag("parallel", false)
    form.isRotary = try network.flag("rotary", false)
    form.finalNorm = try network.choice("final_norm", ArrayMap.FinalNorm.unknown).rawValue
    if network.has("mlp") { form.mlp = try network.integer("mlp", nil, 1...1 << 20) }
    if network.has("kv_heads") {
      form.keyValueHeads = try network.integer("kv_heads", nil, 1...65536)
    }
    if network.has("norm") { form.norm = try network.choice("norm", NormKind.layer).rawValue }
    if network.has("activation") {
      form.activation = try network.choice("activation", Activation.gelu).rawValue
    }
    try network.finish()
    try root.finish()
    guard pde.objective == .trajectories else {
      throw UsageError(
        "pde.objective: task needs the network itself, its embedding and its classifier, and \(name) holds captures; "
          + "leave it at trajectories")
    }
  }

  /// Everything with its defaults, YAML.
  var yaml: String {
    "title: \(YAMLText.quoted(title))\nseed: \(seed)\n\(form.yaml)\(pde.yaml)\n\(information.yaml)\n"
  }
}
