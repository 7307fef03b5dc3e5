import Archive
import Console
import Foundation

/// One archive that a plan makes.
public struct StudyJob: Sendable {
  /// Where it goes, without `.h5`.
  public let place: String
  /// What it is, for people.
  public let label: String
  /// The case, variant and seed that it belongs to, `CASE/VARIANT/seed-N`; nil of a summary.
  public let chain: String?
  /// Jobs of one kind take about the same time and memory.
  let kind: String
  let command: StudyPlan.Step.Command
  /// The study file, of a training run.
  let study: String
  /// Jobs whose archives it reads.
  let inputs: [Int]
  let settings: [String]
  /// The configuration that its archive will hold, YAML; empty for analyses.
  let configuration: String

  /// What is to be done about a job whose inputs are there.
  enum State: Equatable {
    /// Its archive is there, of this configuration and of these inputs.
    case done
    /// It is to be made; an older one goes.
    case due(replacing: Bool)
  }

  /// Looks at what is there.
  /// - Throws: ``Console/UsageError`` when the archive holds another configuration.
  func state(_ jobs: [StudyJob]) throws -> State {
    let place = RunPlace(self.place)
    guard place.isSealed else {
      guard place.hasFolder else { return .due(replacing: false) }
      // What was interrupted goes on, also before its first commit; an analysis, and what was made from other inputs, begins anew.
      guard command == .train else { return .due(replacing: try !isGoneOnWith(jobs)) }
      if FileManager.default.fileExists(atPath: place.index) {
        let begun = try RunReader(place.folder)
        try compare(begun)
        try checkData(begun)
      }
      return .due(replacing: false)
    }
    let reader = try RunReader(place.file)
    if !configuration.isEmpty { try compare(reader) }
    if command == .train { try checkData(reader) }
    let isDone = try inputs.isEmpty || reader.isMade(from: inputs.map { jobs[$0].place })
    return isDone ? .done : .due(replacing: true)
  }

  /// Whether the folder of what is no training run holds rows of this configuration and of these inputs.
  private func isGoneOnWith(_ jobs: [StudyJob]) throws -> Bool {
    if case .analyze = command { return false }
    let place = RunPlace(self.place)
    guard FileManager.default.fileExists(atPath: place.index) else { return true }
    let begun = try RunReader(place.folder)
    return try FinishedArchive.difference(begun, configuration) == nil
      && begun.isMade(from: inputs.map { jobs[$0].place })
  }

  /// Looks whether the data set of a training run is there: to train on it, or to see that it is the one it was trained on. Returns
  /// a line about one that cannot be looked at.
  /// - Throws: ``StudyError`` naming the remedy when it is needed and was not fetched.
  func checkData() throws -> String? {
    guard command == .train else { return nil }
    let data = try StudyConfiguration(yaml: configuration, name: study).data
    guard !RunPlace(place).isSealed else {
      return try data.sources() == nil
        ? "\(data.file) is not there: archives trained on it are kept, whether it has changed or not"
        : nil
    }
    do {
      _ = try DataLocation.dataSet(data.file)
      return nil
    } catch let error as StudyError {
      throw StudyError(message: "\(error); or choose other cases with --case")
    }
  }

  /// - Throws: ``StudyError`` when a training run has seen other data than there are now.
  private func checkData(_ reader: RunReader) throws {
    let data = try StudyConfiguration(yaml: configuration, name: study).data
    guard let now = try data.sources() else { return }
    for (old, new) in zip(try reader.sources(), now) where old.sha256 != new.sha256 {
      throw StudyError(
        message:
          "\(reader.path) was trained on another \(new.noun) than \(new.path) is now (sha256 "
          + "\(old.sha256.prefix(8)) then, \(new.sha256.prefix(8)) now); restore that file, choose another "
          + "folder with -o, or remove the archive: what was made from it is made anew")
    }
  }

  private func compare(_ reader: RunReader) throws {
    guard let pair = try FinishedArchive.difference(reader, configuration) else { return }
    throw UsageError(
      "\(reader.path) was made with another configuration than this study's: it has "
        + "«\(pair.found)», the study «\(pair.asked)»; choose another folder with -o, or remove it")
  }

  /// The program and its arguments.
  func invocation(_ jobs: [StudyJob], replacing: Bool, threads: Int) -> (String, [String]) {
    let sources = inputs.map { RunPlace(jobs[$0].place).file }
    let sets = settings.flatMap { ["--set", $0] }
    let more = ["-o", place, "--threads", String(threads), replacing ? "--force" : "--resume"]
    switch command {
    case .train:
      return ("isotherm", ["train", study] + more + sets)
    case .fit:
      return ("isotherm", ["fit"] + sources + more + sets)
    case .perturb: return ("isotherm", ["perturb"] + withFields(sources) + more + sets)
    case .inform: return ("isotherm", ["inform"] + withFields(sources) + more + sets)
    case .analyze(let name):
      return ("isotherm-analyze", [name] + sources + ["-o", place, "--force"])
    }
  }

  private func withFields(_ sources: [String]) -> [String] {
    sources.count > 1 ? [sources[0], "--fields", sources[1]] : sources
  }
}

extension StudyPlan {
  /// The archives of some studies at one size below `folder`, inputs before what reads them.
  /// - Throws: ``Console/UsageError`` for an unknown study, size, or two studies that want one archive made differently.
  public func jobs(_ chosen: [Study], _ size: Size, folder: String) throws -> [StudyJob] {
    var jobs: [StudyJob] = []
    var places: [String: Int] = [:]
    for study in chosen {
      for part in cases where size.cases?.contains(part.name) ?? true {
        let study = StudyContext(study: study, part: part, size: size, folder: folder)
        var measured: [Int] = []
        for variant in study.study.variants where variant.isMade(for: part, size) {
          for seed in 1...study.seeds {
            measured += try add(study, variant, seed, to: &jobs, &places)
          }
        }
        guard !measured.isEmpty else { continue }
        jobs.append(
          StudyJob(
            place: summary(study.study, part, folder: folder),
            label: "\(part.name) \(study.study.name) summary", chain: nil, kind: "summary",
            command: .analyze("compare"), study: "", inputs: measured, settings: [],
            configuration: ""))
      }
    }
    return jobs
  }

  /// The summaries of some studies: where each lies, its title, and what of it is printed.
  public func summaries(
    _ chosen: [Study], _ size: Size, folder: String
  ) -> [(path: String, title: String, headline: [String])] {
    chosen.flatMap { study in
      cases.filter { part in
        size.cases?.contains(part.name) ?? true
          && study.variants.contains { $0.isMade(for: part, size) }
      }.map { part in
        (
          summary(study, part, folder: folder) + ".h5", "\(study.title), \(part.name)",
          study.headline
        )
      }
    }
  }

  /// Where the summary of a study goes.
  private func summary(_ study: Study, _ part: Case, folder: String) -> String {
    "\(folder)/summary/\(study.name)-\(part.name)"
  }

  private struct StudyContext {
    let study: Study, part: Case, size: Size, folder: String
    var seeds: Int { study.seeds[size.name] ?? size.seeds }
  }

  /// Adds the archives of one variant and seed; returns its analyses.
  private func add(
    _ context: StudyContext, _ variant: Variant, _ seed: Int, to jobs: inout [StudyJob],
    _ places: inout [String: Int]
  ) throws -> [Int] {
    let (study, part) = (context.study, context.part)
    var made: [String: Int] = [:]
    var measured: [Int] = []
    for name in steps.map(\.name) where study.steps.contains(name) {
      let step = step(name)
      let settings =
        step.settings
        + [part.settings, study.settings, context.size.settings, variant.settings].flatMap {
          $0[name] ?? []
        } + (step.command == .train ? ["seed=\(seed)"] : [])
      let inputs = step.inputs.compactMap { made[$0] }
      let chain = "\(part.name)/\(variant.name)/seed-\(seed)"
      let place = "\(context.folder)/\(chain)/\(name)"
      let job = StudyJob(
        place: place, label: "\(part.name) \(variant.name) seed \(seed) \(name)", chain: chain,
        kind: "\(part.name) \(name)", command: step.command, study: part.study, inputs: inputs,
        settings: settings,
        configuration: try configuration(step, part, settings, inputs.first.map { jobs[$0] }))
      if let known = places[place] {
        guard jobs[known].settings == settings else {
          throw UsageError(
            "studies.\(study.name): \(place) is made by another study too, with other settings; give the "
              + "variant a name of its own")
        }
        made[name] = known
      } else {
        jobs.append(job)
        places[place] = jobs.count - 1
        made[name] = jobs.count - 1
      }
      if case .analyze = step.command, let index = made[name] { measured.append(index) }
    }
    return measured
  }

  /// What the archive's configuration will be: settings on that of the study file, or of the run it reads.
  private func configuration(
    _ step: Step, _ part: Case, _ settings: [String], _ source: StudyJob?
  ) throws -> String {
    switch step.command {
    case .train:
      return try StudyConfiguration(path: DataLocation.resolve(part.study), settings: settings).yaml
    case .analyze: return ""
    default:
      guard let source else { return "" }
      return try StudyConfiguration(
        yaml: source.configuration, name: source.place, settings: settings
      ).yaml
    }
  }
}
