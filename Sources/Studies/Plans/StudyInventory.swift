import Console

/// Which archives of a plan are there, whole, of this configuration and of these inputs; looked up without making anything.
public struct StudyInventory: Sendable {
  /// Whether a job's archive is there, and those it was made from; by job.
  public let isDone: [Bool]
  /// Why an archive that is there is not this plan's, in one line; by job.
  public let problems: [Int: String]

  /// Looks at the archives of `jobs`, inputs before what reads them.
  public init(_ jobs: [StudyJob]) {
    var isDone: [Bool] = []
    var problems: [Int: String] = [:]
    for (index, job) in jobs.enumerated() {
      var done = false
      // What was made from an archive that is gone is made again with it.
      if job.inputs.allSatisfy({ isDone[$0] }) {
        do {
          done = try job.state(jobs) == .done
        } catch {
          problems[index] = Console.message(for: error)
        }
      }
      isDone.append(done)
    }
    (self.isDone, self.problems) = (isDone, problems)
  }
}

/// What one task of a cluster makes: the archives of one case, variant and seed, in their order.
public struct StudyChain: Sendable {
  /// `CASE/VARIANT/seed-N`, its folder below the study's.
  public let name: String
  /// Places of its jobs among those of the plan.
  public let jobs: [Int]

  /// The chains of a plan in the order of their first jobs; summaries belong to none.
  public static func all(_ jobs: [StudyJob]) -> [StudyChain] {
    var places: [String: Int] = [:]
    var found: [(name: String, jobs: [Int])] = []
    for (index, job) in jobs.enumerated() {
      guard let name = job.chain else { continue }
      if let place = places[name] {
        found[place].jobs.append(index)
      } else {
        places[name] = found.count
        found.append((name, [index]))
      }
    }
    return found.map { StudyChain(name: $0.name, jobs: $0.jobs) }
  }
}
