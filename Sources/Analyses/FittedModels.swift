import Archive
import Arrays
import Console

/// The models whose `array` (`u` or `attention`, `[depth or layer, sample, ...]`) lies in the fields fitted to one run: a ladder of
/// models may have been fitted in several goes.
struct FittedModels {
  /// In the order of the archives, and in each by name.
  let names: [String]
  /// Models that were planned, and whose array is not there or not whole: a fit that goes on, or was ended.
  let unfinished: [String]
  /// Samples of every model; 0 without any.
  let samples: Int
  private let array: String
  private let readers: [String: RunReader]

  /// - Throws: ``Console/UsageError`` when a model was fitted twice, or models to different numbers of samples.
  init(_ archives: [RunReader], _ array: String) throws {
    var names: [String] = []
    var readers: [String: RunReader] = [:]
    var samples: Int?
    var unfinished: [String] = []
    for archive in archives {
      let absent = Set(try archive.absentArrays())
      unfinished += absent.compactMap { path in
        path.hasSuffix("/\(array)") ? RunReader.model(path, below: "fields") : nil
      }
      for name in try archive.names(in: Layout.Fields.group)
      where archive.contains(Layout.Fields(name).member(array))
        && !absent.contains(Layout.Fields(name).member(array))
      {
        if let other = readers[name] {
          throw UsageError(
            "\(name) was fitted both in \(other.path) and in \(archive.path); name one of them")
        }
        let count = try archive.describe(Layout.Fields(name).member(array)).shape[1]
        if let samples, samples != count {
          throw UsageError(
            "\(archive.path) has \(count) samples, \(archives[0].path) \(samples); fit both with the "
              + "same capture.samples and pde.samples")
        }
        samples = count
        names.append(name)
        readers[name] = archive
      }
    }
    self.unfinished = unfinished.filter { readers[$0] == nil }.sorted()
    (self.names, self.samples, self.array, self.readers) = (names, samples ?? 0, array, readers)
  }

  /// What a model says of one depth or layer.
  func values(of model: String, _ row: Int) throws -> NDArray<Float> {
    try reader(model).readRow(path(model), row)
  }

  /// Trainable numbers of a model.
  func parameterCount(_ model: String) throws -> Int {
    Int(try reader(model).attribute(path(model), "parameter_count")?.integer ?? 0)
  }

  /// Where a model's values lie, for messages.
  func place(_ model: String) throws -> String { try reader(model).path + ":" + path(model) }

  private func path(_ model: String) -> String { Layout.Fields(model).member(array) }

  private func reader(_ model: String) throws -> RunReader {
    guard let reader = readers[model] else {
      throw ArchiveError(.layout, "no model \(model) was fitted")
    }
    return reader
  }
}
