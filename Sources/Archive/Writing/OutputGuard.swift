import Foundation
import HDF5

/// Keeps a command from writing over what it reads. Asked before anything is computed or removed; `--force` does not help.
///
/// Files are compared by what they are, not by how they are spelled: links, `./x/../`, `NAME`, `NAME.h5` and `NAME.run`
/// name one archive. An output must not be an input, lie in one, or hold one. What does not hold: a file that another
/// program puts in the way afterwards.
public struct OutputGuard: Sendable {
  private struct Input {
    let path: String
    let identity: FileIdentity
  }

  private let inputs: [Input]

  /// A guard of everything that a command reads: files, or archives as ``RunPlace`` takes them. What does not exist is left
  /// out, reading it says so.
  public init(_ names: [String]) {
    var found: [Input] = []
    func add(_ path: String) {
      guard let identity = FileIdentity(path) else { return }
      found.append(Input(path: path, identity: identity))
      guard identity.isFolder, path.hasSuffix(".run") else { return }
      for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
        add(path + "/" + name)
      }
    }
    for name in names where !name.isEmpty {
      if FileIdentity(name)?.isRegular == true {
        add(name)
      } else {
        let place = RunPlace(name)
        for path in [name, place.file, place.folder] { add(path) }
      }
    }
    inputs = found
  }

  /// Refuses an archive `-o NAME` that is an input, its folder of parts and its temporary file included, or that is no name; where
  /// `replacing` is given, also what ``RunPlace/prepare(replacing:sources:)`` will refuse.
  /// - Throws: ``ArchiveError``
  public func check(archive name: String, replacing: Bool? = nil) throws {
    let place = RunPlace(name)
    let last = place.stem.split(separator: "/").last.map(String.init) ?? ""
    guard !["", ".", ".."].contains(last), !place.stem.hasSuffix("/") else {
      throw refusal(name, "it names no file; pass a name, for example -o results/run")
    }
    guard !name.unicodeScalars.contains("\0") else {
      throw refusal(name, "a name cannot hold a null character")
    }
    // NAME.run/ is what a shell completes; any other name with a slash at its end is a folder's.
    if name.hasSuffix("/"), !place.isNamed(name) {
      throw refusal(name, "it names a folder; pass the archive's name, for example -o \(name)run")
    }
    if let identity = FileIdentity(name), !identity.isRegular, !place.isNamed(name) {
      throw refusal(
        name, "it is \(identity.words); pass the archive's name, for example -o \(place.stem)-run")
    }
    try check(place)
    if let replacing { try place.check(replacing: replacing, sources: []) }
  }

  /// Refuses a place whose file, folder or temporary file is an input.
  func check(_ place: RunPlace) throws {
    for path in [place.file, place.folder, place.half] { try compare(path) }
    if let identity = FileIdentity(place.file), !identity.isRegular {
      throw refusal(place.file, "it is \(identity.words); choose another name with -o")
    }
    if let identity = FileIdentity(place.folder), !identity.isFolder {
      throw refusal(
        place.folder, "it is \(identity.words), where the run's folder must go; choose another name"
      )
    }
  }

  /// Refuses a file that is an input, or that cannot be a file.
  /// - Throws: ``ArchiveError``
  public func check(file path: String) throws {
    let last = path.split(separator: "/").last.map(String.init) ?? ""
    guard !["", ".", ".."].contains(last), !path.hasSuffix("/") else {
      throw refusal(path, "it names no file; pass a name with -o")
    }
    try compare(path)
    if let identity = FileIdentity(path), !identity.isRegular {
      throw refusal(path, "it is \(identity.words); pass the name of a file with -o")
    }
  }

  /// Refuses a folder that is an input, lies in one, or holds one.
  /// - Throws: ``ArchiveError``
  public func check(folder path: String) throws {
    guard !path.isEmpty else { throw refusal(path, "it names no folder; pass one with -o") }
    try compare(path)
    if let identity = FileIdentity(path), !identity.isFolder {
      throw refusal(path, "it is \(identity.words); pass the name of a folder with -o")
    }
  }

  /// Refuses two outputs of one command that are one file, however they are spelled.
  /// - Throws: ``ArchiveError``
  public static func check(distinct outputs: [String]) throws {
    struct Entry: Hashable {
      let folder: FileIdentity
      let name: String
    }
    var known: [Entry: String] = [:]
    for path in outputs {
      let name = path.split(separator: "/").last.map(String.init) ?? ""
      guard let folder = FileIdentity(parentFolder(path)) else { continue }
      if let other = known.updateValue(path, forKey: Entry(folder: folder, name: name)) {
        throw ArchiveError(
          .refused,
          "cannot write \(path): the same command writes \(other) there; choose another name")
      }
    }
  }

  private func compare(_ path: String) throws {
    let identity = FileIdentity(path)
    let above = Set(FileIdentity.folders(above: path))
    for input in inputs {
      if let identity, identity == input.identity {
        throw refusal(path, "it is the input \(input.path); choose another name with -o")
      }
      if input.identity.isFolder, above.contains(input.identity) {
        throw refusal(path, "it lies in the input \(input.path); choose another name with -o")
      }
      if let identity, identity.isFolder,
        FileIdentity.folders(above: input.path).contains(identity)
      {
        throw refusal(path, "it holds the input \(input.path); choose another name with -o")
      }
    }
    guard let identity, identity.isRegular else { return }
    for input in inputs where input.identity.isRegular {
      if ReferencedFiles(of: input.path).identities.contains(identity) {
        throw refusal(
          path, "the input \(input.path) shows data that lie in it; choose another name with -o")
      }
    }
  }

  private func refusal(_ path: String, _ reason: String) -> ArchiveError {
    ArchiveError(.refused, "cannot write \(path.isEmpty ? "«»" : path): \(reason)")
  }
}
