import Foundation

/// The scripts that Slurm runs: one for the tasks of an array, one for the summary after them.
struct SlurmScript {
  /// What Slurm calls the job.
  let jobName: String
  /// Where the command was given: paths in ``command`` count from there.
  let workingFolder: String
  /// The program, and its arguments without a choice of chains.
  let command: [String]
  /// Where job list, logs and endings lie.
  let folder: String
  let request: SlurmRequest

  /// The job list's name in ``folder``: one line a task, its chains separated by tabs.
  static let list = "tasks"
  /// The folder in ``folder`` of how tasks ended: a file a line of the list, counted from 0, with the exit status.
  static let endings = "ended"
  /// A task that its time limit stops is queued again at most so many times: one that never gets to a commit would come back for ever.
  private static let restarts = 20

  /// The script of a task. `chains` stand in it where they are given; else they are read from the job list.
  func task(_ chains: [[String]]? = nil) -> String {
    let list =
      chains.map { "cat <<'TASKS'\n" + Self.lines($0) + "TASKS" }
      ?? "cat " + Self.quoted(folder + "/" + Self.list)
    return """
      #!/bin/bash
      \(header(log: "%A_%a.log", "--requeue", "--signal=B:USR1@120"))
      # A task makes the chains (CASE/VARIANT/seed-N) in one line of the job list: line SLURM_ARRAY_TASK_ID + the first argument,
      # counted from 0. Made archives are kept and interrupted ones go on, so that a task may be run again at any time.
      tasks() {
      \(list)
      }
      number=$((SLURM_ARRAY_TASK_ID + ${1:-0}))
      IFS=$'\\t' read -r -a chains < <(tasks | sed -n "$((number + 1))p")
      ended=\(Self.quoted(folder + "/" + Self.endings))/$number
      rm -f "$ended"

      # USR1 comes two minutes before the time limit: the program commits and ends, and the task is queued again. TERM reaches the
      # program from Slurm itself; a second one would end it before its commit.
      export ISOTHERM_GRACE=100
      again=0 stopped=0 wake=0 child= worst=0 left=${#chains[@]}
      trap 'wake=1 again=1; [ -n "$child" ] && kill -TERM "$child" 2>/dev/null' USR1
      trap 'wake=1 stopped=1' TERM
      for chain in "${chains[@]}"; do
        [ $again$stopped = 00 ] || break
        \(Self.quoted(command)) --chain "$chain" &
        child=$!
        [ $again = 1 ] && kill -TERM "$child" 2>/dev/null
        # A trap ends the wait before the program has ended.
        wake=1
        while [ $wake = 1 ]; do wake=0; wait "$child"; status=$?; done
        child=
        [ $status -gt $worst ] && worst=$status
        [ $status = 143 ] || left=$((left - 1))
      done
      if [ $again = 1 ] && [ $left -gt 0 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt \(Self.restarts) ]; then
        # Slurm ends this script, which has not ended then for whoever asks.
        scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" && { sleep 60; exit $worst; }
      fi
      mkdir -p "${ended%/*}" && echo $worst > "$ended.tmp" && mv "$ended.tmp" "$ended"
      exit $worst

      """
  }

  /// The script that sums up what the tasks have made.
  var summary: String {
    """
    #!/bin/bash
    \(header(log: "%j.log"))
    # Runs after the tasks, however they ended, and names what is missing.
    \(Self.quoted(command)) --summary
    status=$?
    ended=\(Self.quoted(folder + "/" + Self.endings))/summary
    mkdir -p "${ended%/*}" && echo $status > "$ended.tmp" && mv "$ended.tmp" "$ended"
    exit $status

    """
  }

  private func header(log: String, _ more: String...) -> String {
    // In a file's name Slurm puts something in the place of %x; a percent sign itself is %%.
    let path = folder.replacing("%", with: "%%") + "/" + log
    let lines =
      [
        "--job-name=\(jobName)", "--chdir=\(workingFolder)", "--output=\(path)",
        "--open-mode=append",
      ]
      + more + request.directives
    return lines.map { "#SBATCH \(Self.directive($0))" }.joined(separator: "\n")
  }

  /// The job list: a line a task.
  static func lines(_ tasks: [[String]]) -> String {
    tasks.map { $0.joined(separator: "\t") + "\n" }.joined()
  }

  /// An option in a line of a script: in quotes where a character would end it or mean something.
  private static func directive(_ option: String) -> String {
    let isPlain = option.allSatisfy {
      $0.isASCII && ($0.isLetter || $0.isNumber || "/._-=:,+@%".contains($0))
    }
    return isPlain || option.contains("\"") ? option : "\"\(option)\""
  }

  /// A word as a shell takes it for itself.
  static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-=:,+@%".contains($0)) }
    return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }

  static func quoted(_ words: [String]) -> String {
    words.map(quoted).joined(separator: " ")
  }
}
