import Archive
import Console
import Foundation

/// One submission of a study, as it lies beside the study: `FOLDER/slurm/NUMBER` with job list, scripts, logs, endings and the jobs'
/// numbers. The list of a submission never changes: tasks read it when they start, which may be days later.
struct SlurmRecord {
  /// An array of the submission: tasks `first..<first + count` of the list.
  struct Array: Codable {
    var id: String
    var first: Int, count: Int
  }

  /// What is kept in `submitted.json`.
  private struct Content: Codable {
    var study: String
    var arrays: [Array] = []
    var summary: String?
  }

  let folder: String
  /// Chains of each task.
  let tasks: [[String]]
  private var content: Content

  var study: String { content.study }
  var arrays: [Array] { content.arrays }
  var summary: String? { content.summary }

  /// Where submissions lie below a study's folder.
  static func place(_ folder: String) -> String { folder + "/slurm" }

  /// The same, made where it is not there.
  private static func made(_ studyFolder: String) throws -> String {
    let parent = place(studyFolder)
    do {
      try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    } catch {
      throw StudyError(
        message:
          "cannot make \(parent): \(error.localizedDescription); choose another folder with -o")
    }
    return parent
  }

  /// Holds a study's submissions for one process.
  /// - Throws: ``Archive/ArchiveError`` when another submits.
  static func lock(_ studyFolder: String) throws -> FolderLock {
    try FolderLock(made(studyFolder))
  }

  /// Makes the folder of a new submission, with its job list.
  init(new studyFolder: String, study: String, tasks: [[String]]) throws {
    let parent = try Self.made(studyFolder)
    let last = try Self.numbers(parent).last ?? 0
    var folder: String?
    // Somebody else may submit at this moment: the folder is the one that makes it.
    for number in last + 1...last + 100 where folder == nil {
      let path = "\(parent)/" + String(format: "%04d", number)
      if mkdir(path, 0o777) == 0 {
        folder = path
      } else if errno != EEXIST {
        throw StudyError(message: "cannot make \(path): \(String(cString: strerror(errno)))")
      }
    }
    guard let folder else { throw StudyError(message: "cannot make a folder in \(parent)") }
    (self.folder, self.tasks, content) = (folder, tasks, Content(study: study))
    try PendingFile.write(SlurmScript.lines(tasks), to: folder + "/" + SlurmScript.list)
  }

  /// Reads a submission; nil for one that was never handed to Slurm.
  private init?(_ folder: String) throws {
    let manager = FileManager.default
    guard let data = manager.contents(atPath: folder + "/submitted.json"),
      let list = manager.contents(atPath: folder + "/" + SlurmScript.list)
    else { return nil }
    do {
      content = try JSONDecoder().decode(Content.self, from: data)
    } catch {
      throw StudyError(
        message: "\(folder)/submitted.json is damaged; remove \(folder) when its jobs have ended")
    }
    self.folder = folder
    tasks = String(decoding: list, as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: "\t").map(String.init)
    }
  }

  /// The submissions of a study's folder, the youngest last.
  static func all(_ studyFolder: String) throws -> [SlurmRecord] {
    let parent = place(studyFolder)
    return try numbers(parent).compactMap {
      try SlurmRecord("\(parent)/" + String(format: "%04d", $0))
    }
  }

  private static func numbers(_ parent: String) throws -> [Int] {
    guard FileManager.default.fileExists(atPath: parent) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: parent).compactMap { Int($0) }
      .sorted()
  }

  /// Takes note of an array that Slurm has taken.
  mutating func add(_ array: Array) throws {
    content.arrays.append(array)
    try store()
  }

  /// Takes note of the job that sums up.
  mutating func add(summary id: String) throws {
    content.summary = id
    try store()
  }

  private func store() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    let text = String(decoding: try encoder.encode(content), as: UTF8.self) + "\n"
    try PendingFile.write(text, to: folder + "/submitted.json")
  }

  /// The number and index that Slurm gave a task of the list; nil where it was not submitted.
  func job(_ task: Int) -> (id: String, index: Int)? {
    arrays.first { ($0.first..<$0.first + $0.count).contains(task) }.map {
      ($0.id, task - $0.first)
    }
  }

  /// With which status a task has ended; nil where it has not, or could not say so.
  func ending(_ task: Int) -> Int? {
    let path = "\(folder)/\(SlurmScript.endings)/\(task)"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  /// What a task has printed goes here.
  func log(_ task: Int) -> String? { job(task).map { "\(folder)/\($0.id)_\($0.index).log" } }
}
