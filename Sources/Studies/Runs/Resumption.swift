import Archive
import Arrays
import Console

/// An archive that is written from its beginning, or from where an earlier process was stopped.
struct Resumption {
  let recorder: Recorder
  /// Whether rows of an earlier process are there.
  let isResumed: Bool

  /// What to do about an archive, and how it is written.
  struct Plan {
    var beginning: TrainRun.Beginning
    /// Array of which a row, or ``Recorder/resumeAnchor``, ends what can be gone on from.
    var anchor: String
    var limits = RecorderLimits()
    /// What the configuration is.
    var form = ConfigurationForm.study
  }

  /// Begins, or goes on with, the archive in `place`; nil where it is complete already, which is told.
  /// - Throws: `ArchiveError` or `UsageError` for what is in the way, or was begun with another configuration or from other sources.
  init?(
    _ place: RunPlace, _ schema: RunSchema, _ plan: Plan, progress: ProgressLine,
    onEvent: (@Sendable (Recorder.Event) -> Void)? = nil
  ) throws {
    if plan.beginning.isResuming, place.isSealed {
      try FinishedArchive.check(RunReader(place.file), schema, plan.form)
      // Killed between sealing and removing the parts, it left the folder.
      if place.hasFolder { try place.removeParts() }
      progress.note("\(place.file) is complete already; nothing to resume")
      return nil
    }
    let mayReplace = plan.beginning.mayReplace(place)
    let onEvent = onEvent ?? progress.recorderEvents
    let resumed =
      plan.beginning.isResuming
      ? try Recorder.resume(
        place, schema, anchor: plan.anchor,
        onOtherKernels: plan.beginning == .resumingOnOtherKernels, limits: plan.limits,
        onEvent: onEvent) : nil
    for change in resumed?.changes ?? [] {
      progress.note(change + "; the provenance names both")
    }
    isResumed = resumed != nil
    recorder =
      try resumed
      ?? Recorder(
        place, schema, replacing: mayReplace, anchor: plan.anchor, limits: plan.limits,
        onEvent: onEvent)
  }

  /// Appends an array that is written once, unless it was committed before.
  func appendOnce<Element: ArrayElement>(
    _ path: String, _ values: @autoclosure () throws -> [Element]
  )
    throws
  {
    if !recorder.holds(path) { try recorder.append(path, try values()) }
  }
}
