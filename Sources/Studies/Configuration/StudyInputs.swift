import Archive

extension StudyConfiguration {
  /// Files that a study reads beside its own: the data set, and the vocabulary it names.
  public var inputs: [String] {
    guard case .text(let text) = data.modality, !text.vocabularyFile.isEmpty else {
      return [DataLocation.resolve(data.file)]
    }
    return [data.file, text.vocabularyFile].map(DataLocation.resolve)
  }
}

extension ProblemConfiguration {
  /// Files that a problem reads beside its own: that of its first state.
  public var inputs: [String] {
    guard case .file(let name) = initial, let split = name.range(of: ":/", options: .backwards)
    else { return [] }
    return [String(name[..<split.lowerBound])]
  }
}

extension StudyJob {
  /// Refuses a place that is the plan, a study file or a data set.
  /// - Throws: ``Archive/ArchiveError``
  public func checkPlace(plan: String) throws {
    var files = [plan]
    if !study.isEmpty {
      files.append(DataLocation.resolve(study))
      // An analysis has none of its own.
      if !configuration.isEmpty {
        files += try StudyConfiguration(yaml: configuration, name: study).inputs
      }
    }
    try OutputGuard(files).check(archive: place)
  }
}
