"""Records four made-up checkpoints, and tells each when it is acknowledged, as `isotherm train --progress json` does: for the tests that
kill programs and cut the power. usage: record.py -o NAME [--progress json]"""

import json
import sys

from support import MAPS, SAMPLES, STATES, describe, path_of, write_checkpoint

from isotherm_recorder import Recorder


def main() -> None:
    """Records to the name behind -o."""
    out = sys.argv[sys.argv.index("-o") + 1]
    with Recorder(out, title="made up", samples=SAMPLES, resume=True) as recorder:
        describe(recorder)
        for count, step in enumerate((0, 3, 6, 9), 1):
            if recorder.step is None or step > recorder.step:
                write_checkpoint(recorder, step)
                rows = {path: count for path in ["/checkpoints/step", *map(path_of, STATES + MAPS)]}
                print(json.dumps({"event": "commit", "rows": rows}), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
