import Arrays
import Foundation
import HDF5

/// The two names of an archive: the folder while it is written, the file once it is sealed.
///
/// An archive that replaces another (`--force`) is written beside it: the old file stays until the new one is sealed, and the two are
/// told apart by their run ids.
public struct RunPlace: Sendable, Hashable {
  /// The name without `.h5` or `.run`.
  public let stem: String

  /// The place that `-o NAME`, `NAME.h5` or `NAME.run` means.
  public init(_ name: String) {
    var stem = name
    while stem.hasSuffix("/") && stem.count > 1 { stem.removeLast() }
    for suffix in [".h5", ".run"] where stem.hasSuffix(suffix) {
      stem.removeLast(suffix.count)
      break
    }
    self.stem = stem
  }

  /// The sealed file.
  public var file: String { stem + ".h5" }
  /// The folder of parts.
  public var folder: String { stem + ".run" }
  /// The file that joins the parts.
  public var index: String { folder + "/index.h5" }

  /// What the run will hold; written before the first part, so that any later process can seal the folder.
  var schemaFile: String { folder + "/schema.json" }
  /// The sealed file while it is written.
  var half: String { file + ".sealing" }

  /// Whether `name` says `.h5` or `.run` itself.
  func isNamed(_ name: String) -> Bool {
    var name = name
    while name.hasSuffix("/") && name.count > 1 { name.removeLast() }
    return name == file || name == folder
  }

  /// Whether the sealed file is there, and not an older archive that the folder's will replace.
  public var isSealed: Bool { FileManager.default.fileExists(atPath: file) && !isBeingReplaced }
  /// Whether a folder of parts is there.
  public var hasFolder: Bool { FileManager.default.fileExists(atPath: folder) }

  /// Whether `name`, as a person types it, is of anything that could be read: a file, an archive, or a run still being written.
  public static func isThere(_ name: String) -> Bool {
    let place = RunPlace(name)
    return FileManager.default.fileExists(atPath: name) || place.isSealed || place.hasFolder
  }

  /// Whether file and folder are both there and of different runs: a replacement was begun (with `--force`) and is not sealed
  /// yet.
  public var isBeingReplaced: Bool {
    guard hasFolder, let begun = begunRunID, FileManager.default.fileExists(atPath: file),
      let root = try? File.open(file).root, let old = try? root.attribute("run_id")?.text
    else { return false }
    return begun != old
  }

  /// Run id of the archive that is written in the folder; nil when it holds none.
  private var begunRunID: String? {
    if FileManager.default.fileExists(atPath: index) {
      // A reader of the run may have it open as this process's own index: the same close degree as there.
      guard let root = try? File.open(index).root else { return nil }
      return (try? root.attribute("run_id"))??.text
    }
    guard let data = FileManager.default.contents(atPath: schemaFile) else { return nil }
    return (try? JSONDecoder().decode(RunSchema.self, from: data))?.runID
  }

  /// Makes room for an archive: removes a folder of parts where `replacing`; the file stays until the new one is sealed. See
  /// ``check(replacing:sources:)`` for what is refused.
  public func prepare(replacing: Bool, sources: [String] = []) throws {
    try check(replacing: replacing, sources: sources)
    guard hasFolder else { return }
    // A folder that another process writes is not replaced under its hands.
    try removeParts()
  }

  /// Changes nothing. Throws when an archive is there already, unless `replacing`; also when one of `sources` is in the way, or the
  /// folder that is to hold it is missing or not writable, or what would be replaced is none of ours.
  func check(replacing: Bool, sources: [String]) throws {
    let manager = FileManager.default
    let parent = parentFolder(stem)
    var isFolder: ObjCBool = false
    guard manager.fileExists(atPath: parent, isDirectory: &isFolder), isFolder.boolValue else {
      throw ArchiveError(
        .refused, "cannot write \(file): the folder \(parent) does not exist; make it first")
    }
    guard access(parent, W_OK) == 0 else {
      throw ArchiveError(
        .refused,
        "cannot write \(file): no permission to write in \(parent); choose another place with -o")
    }
    try OutputGuard(sources).check(self)
    let taken = [file, folder].filter(FileIdentity.isTaken)
    guard replacing || taken.isEmpty else {
      throw ArchiveError(
        .exists, "\(taken[0]) exists already; pass --force to replace it, or choose another name")
    }
    try checkFile()
    guard hasFolder else { return }
    let others = try othersInFolder()
    guard others.isEmpty else {
      throw ArchiveError(
        .refused,
        "\(folder) holds \(others[0]), which is no part of a run, and is not replaced; move it away, or "
          + "choose another name")
    }
  }

  /// Refuses to replace an HDF5 file of somebody else, or what is no HDF5 file at all. A damaged archive may go.
  private func checkFile() throws {
    guard FileIdentity(file)?.isRegular == true else { return }
    do {
      guard try File.open(file).root.attribute("isotherm_layout") == nil else { return }
    } catch let error as HDF5Error where error.code != .notReadable {
      throw error
    } catch {
      let bytes = FileHandle(forReadingAtPath: file)?.readData(ofLength: 8)
      guard let bytes, !bytes.isEmpty, bytes != Data([0x89, 72, 68, 70, 13, 10, 26, 10]) else {
        return
      }
    }
    throw ArchiveError(
      .refused,
      "\(file) is not an archive that isotherm wrote, and is not replaced; remove it yourself, or choose "
        + "another name")
  }

  /// What the folder holds that no run puts there.
  private func othersInFolder() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted().filter { name in
      !Self.isOurs(name) || FileIdentity(folder + "/" + name)?.isFolder == true
    }
  }

  private static func isOurs(_ name: String) -> Bool {
    ["index.h5", "schema.json", "schema.json.tmp", "counting.h5", ".lock"].contains(name)
      || PartName(file: name) != nil || (name.hasPrefix(".") && name.hasSuffix(".tmp"))
      || name.hasPrefix(".nfs")
  }

  /// Removes the folder with all that a run has put there, unless another process writes it. What is not of the run stays, and the
  /// folder with it.
  /// - Throws: ``ArchiveError`` when something cannot be removed, or somebody writes there.
  public func removeParts() throws {
    let lock = try FolderLock(folder)
    try withExtendedLifetime(lock) { try removeParts(releasing: lock) }
  }

  /// The same for whoever holds the folder; `lock` is given back as the last: on a network file system an open file cannot go.
  func removeParts(releasing lock: FolderLock?) throws {
    let others = try othersInFolder()
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { !others.contains($0) }
    // The index first: a removal that was cut off leaves no run that seems whole.
    let (first, last) = ("index.h5", ".lock")
    let ordered =
      names.filter { $0 == first } + names.filter { $0 != first && $0 != last }
      + names.filter { $0 == last }
    for name in ordered {
      if name == last { lock?.release() }
      let path = folder + "/" + name
      guard unlink(path) != 0, errno != ENOENT else { continue }
      throw ArchiveError(.system, "cannot remove \(path): \(String(cString: strerror(errno)))")
    }
    guard others.isEmpty, rmdir(folder) != 0, errno != ENOENT else { return }
    throw ArchiveError(.system, "cannot remove \(folder): \(String(cString: strerror(errno)))")
  }

  /// What a process that ends in the middle leaves behind: nothing that was not committed.
  func removeUncommitted() {
    guard FileManager.default.fileExists(atPath: index) else { return removeInterrupted() }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix(".") && name.hasSuffix(".tmp") {
      unlink(folder + "/" + name)
    }
  }

  /// Removes the folder while other threads of this process may still write in it: it has to go before they do.
  func removeInterrupted() {
    for _ in 0..<100 where hasFolder {
      do { return try removeParts(releasing: nil) } catch { usleep(1000) }
    }
  }

  /// The file to open for reading what is called `name`: the sealed file, else the index of a run still being written. A file
  /// called by its own name is that file.
  /// - Throws: ``ArchiveError`` when there is none, saying what there is.
  static func readable(_ name: String) throws -> String {
    let place = RunPlace(name)
    let manager = FileManager.default
    if name == place.file, manager.fileExists(atPath: name) { return name }
    if place.isSealed { return place.file }
    if manager.fileExists(atPath: place.index) { return place.index }
    if manager.fileExists(atPath: place.file) { return place.file }
    guard place.hasFolder else {
      if manager.fileExists(atPath: name) { return name }
      throw ArchiveError(
        .refused,
        "cannot read \(place.stem): neither \(place.file) nor \(place.folder) exists; "
          + (place.nearest.map { "did you mean \($0)?" }
            ?? "check the path, or list what there is with `isotherm-archive catalog .`"))
    }
    guard FileIdentity(place.folder)?.isFolder == true else { return place.folder }
    throw ArchiveError(.layout, place.uncommitted)
  }

  /// The archive in the same folder whose name is nearest, where it is near enough to have been meant.
  private var nearest: String? {
    let folder = parentFolder(stem)
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let names = files.filter { $0.hasSuffix(".h5") || $0.hasSuffix(".run") }
    let last = stem.split(separator: "/").last.map(String.init) ?? stem
    // An archive goes by its name with or without the suffix.
    let stems = Dictionary(names.map { (Self.stem($0), $0) }, uniquingKeysWith: { a, _ in a })
    guard let found = NameDistance.meant(by: last, among: stems.keys.sorted()),
      let name = stems[found]
    else { return nil }
    return stem.contains("/") ? folder + "/" + name : name
  }

  private static func stem(_ name: String) -> String {
    String(name.dropLast(name.hasSuffix(".h5") ? 3 : 4))
  }

  /// What is to be said of a folder without an index.
  private var uncommitted: String {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    if names.contains(where: { PartName(file: $0) != nil }) {
      return
        "\(folder) has parts but no index; while its program runs, try again in a moment, else "
        + "isotherm-archive recover \(stem) writes the index anew"
    }
    guard names.contains("schema.json") || names.contains(".lock") else {
      return "\(folder) is a folder, but holds no run: no index.h5 and no parts; check the path"
    }
    return
      "\(folder) is there, but nothing was committed to it yet; while its program runs, try again "
      + "after its first commit (30 s at most), else begin anew with --force"
  }

  /// What a run will hold to which nothing was committed yet; nil for any other place.
  public var planned: RunSchema? {
    let manager = FileManager.default
    guard !isSealed, hasFolder, !manager.fileExists(atPath: index),
      let data = manager.contents(atPath: schemaFile),
      let schema = try? JSONDecoder().decode(RunSchema.self, from: data), schema.problem == nil
    else { return nil }
    return schema
  }

  /// The file to open for reading: the sealed file, else the index of a run still being written.
  public func readable() throws -> String { try Self.readable(stem) }
}
