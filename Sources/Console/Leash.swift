import Arrays
import Foundation

/// Ends this program, in good order, when the one that started it has gone; see ``Arrays/ChildProgram``.
enum Leash {
  /// Begins to watch; does nothing where nobody holds a leash.
  static func watch() {
    guard getenv(ChildProgram.variable) != nil else { return }
    // Programs that others start are on none.
    unsetenv(ChildProgram.variable)
    let thread = Thread {
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count > 0 || count < 0 && errno == EINTR { continue }
        kill(getpid(), SIGTERM)
        return
      }
    }
    thread.start()
  }
}
