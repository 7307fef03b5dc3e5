import Arrays
import Foundation
import HDF5

/// The files that come with the programs: those of the package that the running one was built in, or of the place where `tools/install`
/// put it.
public enum ProgramHome {
  /// What it is.
  enum Kind { case sources, installed }

  /// The folder; nil for a program that was copied away alone.
  static let folder: (path: String, kind: Kind)? = {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    var folder = own.deletingLastPathComponent()
    let share = folder.deletingLastPathComponent().path + "/share/isotherm"
    if FileManager.default.fileExists(atPath: share + "/installed") { return (share, .installed) }
    while folder.path != "/" {
      if FileManager.default.fileExists(atPath: folder.path + "/Package.swift") {
        return (folder.path, .sources)
      }
      folder.deleteLastPathComponent()
    }
    return nil
  }()

  /// What `--version` prints: version, commit, HDF5, the kernels of the matrix product where the program has any, processor.
  public static func versionText(blas: String? = nil) -> String {
    let revision = SourceRevision.current
    let changes = revision.difference.isEmpty ? "" : ", with uncommitted changes"
    return
      ([
        Provenance.version, "commit \(revision.commit.prefix(12))\(changes)",
        "HDF5 \(hdf5Version())",
      ] + (blas.map { ["OpenBLAS kernels for \($0)"] } ?? []) + [
        "processor \(Provenance.processor)"
      ]).joined(separator: "\n")
  }

  /// The path of a file or folder that comes with the programs, `data/studies` for example; nil when it does not.
  public static func path(of name: String) -> String? {
    guard let folder else { return nil }
    let path = folder.path + "/" + name
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }
}

/// The commit of the sources that the running binary was built from.
struct SourceRevision: Sendable {
  /// Commit, or `unknown` away from a checkout.
  let commit: String
  /// sha256 of the uncommitted difference; empty when clean or unknown.
  let difference: String

  static let current: SourceRevision = {
    let unknown = SourceRevision(commit: "unknown", difference: "")
    guard let folder = ProgramHome.folder else { return unknown }
    switch folder.kind {
    case .installed:
      // Written by tools/install: commit, and where there is one the difference's hash.
      let text = try? String(contentsOfFile: folder.path + "/revision", encoding: .utf8)
      let lines = text?.split(separator: "\n").map(String.init) ?? []
      guard let commit = lines.first else { return unknown }
      return SourceRevision(commit: commit, difference: lines.count > 1 ? lines[1] : "")
    case .sources:
      guard let commit = git(["rev-parse", "HEAD"], folder.path) else { return unknown }
      let change = git(["diff", "HEAD"], folder.path) ?? ""
      return SourceRevision(
        commit: commit.trimmingCharacters(in: .whitespacesAndNewlines),
        difference: change.isEmpty ? "" : LogicalHash.sha256(Array(change.utf8)))
    }
  }()

  private static func git(_ arguments: [String], _ folder: String) -> String? {
    let printed = try? ChildProgram.run("/usr/bin/git", ["-C", folder] + arguments)
    guard let printed, printed.ending == .status(0) else { return nil }
    return String(decoding: printed.output, as: UTF8.self)
  }
}
