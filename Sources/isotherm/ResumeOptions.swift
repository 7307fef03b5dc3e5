import Archive
import ArgumentParser
import Console
import Studies

/// How a command goes on with an archive that was interrupted.
struct ResumeOptions: ParsableArguments {
  @Flag(help: "Go on where an interrupted run was last committed, to the same bits.")
  var resume = false

  @Flag(help: "Resume though OpenBLAS chose other kernels than before; the archive names both.")
  var otherKernels = false

  @Option(help: .hidden)
  var commitSeconds = RecorderLimits().commitSeconds

  /// Refuses, before anything is computed, a place in which the archive cannot be written or gone on with.
  func check(_ output: OutputOptions, _ sources: [String]) throws {
    // What is there is to be gone on with.
    let replacing = resume ? nil : output.force
    try OutputGuard(sources).check(archive: output.place(), replacing: replacing)
  }

  /// - Throws: `UsageError` where the archive is to be gone on with and replaced at once.
  func beginning(_ output: OutputOptions) throws -> TrainRun.Beginning {
    guard !(resume && output.force) else {
      throw UsageError("--resume goes on with an archive and --force replaces it: pass one of them")
    }
    if resume { return otherKernels ? .resumingOnOtherKernels : .resuming }
    return output.force ? .replacing : .new
  }
}
