"""Times our programs against the peers', in turn, best of several rounds each. Called by tools/bench."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

p = argparse.ArgumentParser()
p.add_argument("work", choices=["archive", "dynamics", "figures", "information", "train"])
p.add_argument("--rounds", type=int, default=3)
p.add_argument("--json", action="store_true")
p.add_argument("--full", action="store_true", help="archive: 10,000 commits and a run of 10 GB")
p.add_argument("--binaries", required=True)
p.add_argument("--peers", required=True)
a = p.parse_args()
root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
environment = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}


def output(*words):
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=root)
    if done.returncode:
        sys.exit(f"{' '.join(words)} failed: {done.stderr[-400:]}")
    return json.loads(done.stdout)


def train_rows():
    # Both sides: forward, backward and AdamW on random patches; ours with clipping and the norms of every layer. Best of four runs of steps.
    shapes = [("train step, width 64", (128, 49, 64, 4, 256, 20), 2.5), ("train step, width 128", (128, 49, 128, 8, 512, 20), 2.0),
              ("train step, text: 128 tokens, width 256", (32, 128, 256, 8, 1024, 8), 2.0)]
    for name, (batch, tokens, width, heads, mlp, steps), goal in shapes:
        words = [f"--{k}={v}" for k, v in dict(batch=batch, tokens=tokens, width=width, heads=heads, mlp=mlp, steps=steps, threads=2).items()]
        rounds = [(output(f"{a.binaries}/isotherm-bench", "train", *words), output(sys.executable, f"{a.peers}/train_torch.py", *words))
                  for _ in range(a.rounds)]
        ours, peer = (max(r[side]["samples_per_second"] for r in rounds) for side in (0, 1))
        yield row(name, ours, peer, "samples/s", goal)
        # The share of what the machine's own matrix units give: best large float32 product of a core x cores, in the same process.
        share = max((r[0]["model_gflops"] / r[0]["limit_gflops"], r[0]["model_gflops"], r[0]["limit_gflops"]) for r in rounds)
        yield dict(work="  share of the machine's limit", ours=share[1], peer=share[2], unit="GFLOP/s", ratio=share[0],
                   goal={64: 0.75, 128: 0.82, 256: 0.9}[width])
        first = rounds[0][0]
        phases = {k: v for k, v in first.items() if k.endswith("_ms")}
        yield dict(row(f"  allocations a step", first["allocations_per_step"], 0, "", None), ratio=None,
                   profile={k: round(v, 3) for k, v in phases.items()})
    yield capture_row()


def capture_row():
    """Whole programs, sealing included: training on the 10,000 embedded images with the residual stream at every depth and all maps of 256
    samples captured each epoch, against none. On all 60,000 images an epoch is six times as long, and the cost a sixth."""
    def seconds(*settings):
        with tempfile.TemporaryDirectory() as folder:
            words = [f"{a.binaries}/isotherm", "train", "data/studies/fashion-mnist.yaml", "-o", f"{folder}/run", "--threads", "2", "--json",
                     "--set", "training.epochs=3", "--set", "training.batch=128"]
            start = time.perf_counter()
            output(*words, *(w for s in settings for w in ("--set", s)))
            return time.perf_counter() - start
    everything = ["capture.samples=256", 'capture.taps=["residual.0.pre", "residual.*.post", "attention.*.map"]']
    nothing = ["capture.samples=1", "capture.taps=[residual.0.pre]"]
    rounds = [(seconds(*everything), seconds(*nothing)) for _ in range(a.rounds)]
    ours, peer = min(r[0] for r in rounds), min(r[1] for r in rounds)
    # The peer's place holds the run without capture: 0.91 is a cost of 10 %.
    return row("3 epochs with capture, against without", ours, peer, "s", 0.91) | dict(ratio=peer / ours)


def row(name, ours, peer, unit, goal):
    return dict(work=name, ours=ours, peer=peer, unit=unit, ratio=ours / peer if peer else None, goal=goal)


def archive_rows():
    # Ours ends a write when every row is on disk, after fsync and rename; the peer's when the file is closed, without fsync.
    # Sealing into one file is a row of its own. On a virtual machine whose memory is backed on first touch the file cache
    # decides, so a round is paired and the median of the rounds' ratios is quoted, not the best of each side.
    rounds = []
    for _ in range(a.rounds):
        rounds.append((output(f"{a.binaries}/isotherm-bench", "archive", "--rows", "16384"),
                       output(sys.executable, f"{a.peers}/archive_h5py.py", "--rows", "16384")))
    for name, ours, peer, goal in [
        ("append, against raw write(2)", "plain_write", "raw_write", 0.9), ("append", "plain_write", "plain_write", None),
        ("append, shuffle + gzip-1", "gzip1_write", "gzip1_write", 5), ("the same, sealed", "gzip1_whole", "gzip1_write", None),
        ("read, shuffle + gzip-1", "gzip1_read", "gzip1_read", 3), ("check, against the peer's read", "gzip1_check", "gzip1_read", 3),
        # SHA-256 of one array is one chain, 1.8 GB/s on the machine of the design notes; reading it is faster.
        ("check, against our read", "gzip1_check", "gzip1_read!", 1),
    ]:
        pairs = []
        for mine, other in rounds:
            mine["gzip1_whole"] = 1 / (1 / mine["gzip1_write"] + 1 / mine["gzip1_seal"])
            pairs.append((mine[ours], mine[peer[:-1]] if peer.endswith("!") else other[peer]))
        middle = sorted(pairs, key=lambda p: p[0] / p[1])[len(pairs) // 2]
        yield row(name, *middle, "MB/s", goal)
    # Both sides durable: every row on disk after fsync. Sides take turns to begin; medians over the rounds of the ratios.
    durable = [output(f"{a.binaries}/isotherm-bench", "append", "--first", side) for _ in range(a.rounds) for side in ("ours", "raw")]
    for state in ("cold", "warm"):
        pairs = sorted(((d[f"ours_{state}"], d[f"raw_{state}"]) for d in durable), key=lambda p: p[0] / p[1])
        if state == "warm" or durable[0]["cache_dropped"]:
            yield row(f"append, against write(2) and fsync, {state}", *pairs[len(pairs) // 2], "MB/s", 0.9)
    commits = output(f"{a.binaries}/isotherm-bench", "commits", "--commits", "10000" if a.full else "1000")
    last = "10000" if a.full else "1000"
    # Milliseconds: the peer's place holds the early commit, and above 1 means that late commits are no slower.
    yield dict(work=f"commit, number {last} against 100", ours=commits[f"median_ms_at_{last}"], peer=commits["median_ms_at_100"],
               unit="ms", ratio=commits["median_ms_at_100"] / commits[f"median_ms_at_{last}"], goal=0.8)
    small, large = (output(f"{a.binaries}/isotherm-bench", "archive", "--filtered-only", "--rows", rows)["peak_megabytes"]
                    for rows in ("8192", "819200" if a.full else "81920"))
    yield dict(work=f"memory, {'10 GB' if a.full else '1 GB'} against 100 MB", ours=large, peer=small, unit="MB", ratio=small / large,
               goal=0.9)
    # Every step a checkpoint of weights and two moments, resuming and sealing included. The peer's place holds the goals: 2,000 in two minutes, 400 MB.
    parameters, count = ("300000", 2000) if a.full else ("3000", 500)
    checkpoints = output(f"{a.binaries}/isotherm-bench", "commits", "--arrays", "40", "--parameters", parameters, "--commits", str(count))
    name = f"{count:,} checkpoints of {int(parameters):,} parameters"
    yield row(name, checkpoints["checkpoints_per_second"], 2000 / 120, "a second", 1)
    # Resuming reads no row again, however many there are.
    yield dict(work="  resume", ours=1e3 * checkpoints["resume_seconds"], peer=2000, unit="ms",
               ratio=2 / max(checkpoints["resume_seconds"], 1e-6), goal=1)
    yield dict(work="  memory", ours=checkpoints["peak_megabytes"], peer=400, unit="MB", ratio=400 / checkpoints["peak_megabytes"], goal=1)


def information_rows():
    for samples, dimension in [(10_000, 1), (10_000, 3), (100_000, 1)]:
        size = ["--samples", str(samples), "--dimension", str(dimension)]
        ours = min(output(f"{a.binaries}/isotherm-bench", "ksg", *size)["seconds"] for _ in range(a.rounds))
        peer = min(output(sys.executable, f"{a.peers}/ksg_scipy.py", *size)["seconds"] for _ in range(a.rounds))
        yield dict(work=f"ksg, {samples} samples, {dimension} + {dimension}", ours=1e3 * ours, peer=1e3 * peer, unit="ms", ratio=peer / ours, goal=3)
    ours = output(f"{a.binaries}/isotherm-bench", "ksg", "--samples", "1000000", "--rounds", "1")["seconds"]
    peer = output(f"{a.binaries}/isotherm-bench", "ksg", "--samples", "100000")["seconds"]
    # n log n: ten times the samples take twelve times the time. The peer's place holds twelve times our time for a tenth.
    yield dict(work="ksg, 1,000,000 against 12 x 100,000", ours=1e3 * ours, peer=12e3 * peer, unit="ms", ratio=12 * peer / ours, goal=0.8)
    ours = min(output(f"{a.binaries}/isotherm-bench", "kde")["seconds"] for _ in range(a.rounds))
    peer = min(output(sys.executable, f"{root}/tools/kde_numpy.py")["seconds"] for _ in range(a.rounds))
    yield dict(work="kde, 4,096 samples, 16 + 16", ours=1e3 * ours, peer=1e3 * peer, unit="ms", ratio=peer / ours, goal=5)


def dynamics_rows():
    # Both sides: explicit Euler steps of the same equation, grid, boundary and step in float64, compilation left out; best of three runs.
    for grid, steps in [(256, 500), (512, 200)]:
        words = ["--grid", str(grid), "--steps", str(steps), "--threads", "2"]
        ours, peer = (max(output(*command, *words)["cell_updates_per_second"] for _ in range(a.rounds))
                      for command in ([f"{a.binaries}/isotherm-bench", "dynamics"], [sys.executable, f"{a.peers}/pde_pypde.py"]))
        yield row(f"explicit Euler, {grid} x {grid}", ours / 1e6, peer / 1e6, "Mcells/s", 20)
    rounds = [output(f"{a.binaries}/isotherm-bench", "dynamics", "--grid", "2048", "--steps", "64") for _ in range(a.rounds)]
    best = max(rounds, key=lambda r: r["gigabytes_per_second"])
    # The peer's place holds a copy of the field by the same threads; both read and write each number once.
    yield row("2048 x 2048, against a copy", best["gigabytes_per_second"], max(r["copy_gigabytes_per_second"] for r in rounds), "GB/s", 0.5)


def figures_rows():
    # Warm: the best figure of a process. Cold: a whole process that draws one; the peer's draws four, of which three warm ones are taken off.
    def process(*words):
        start = time.perf_counter()
        result = output(*words)["seconds_per_figure"]
        return time.perf_counter() - start, result
    with tempfile.TemporaryDirectory() as folder:
        ours = [(process(f"{a.binaries}/isotherm-bench", "figure", "--rounds", "8", "--output", f"{folder}/a.png")[1],
                 process(f"{a.binaries}/isotherm-bench", "figure", "--rounds", "1", "--output", f"{folder}/a.png")[0]) for _ in range(a.rounds)]
        peer = [process(sys.executable, f"{a.peers}/figure_matplotlib.py", f"{folder}/b.png") for _ in range(a.rounds)]
    warm, cold = min(r[0] for r in ours), min(r[1] for r in ours)
    yield dict(work="24 heat maps, 1800 x 1200, warm", ours=1e3 * warm, peer=1e3 * min(r[1] for r in peer), unit="ms",
               ratio=min(r[1] for r in peer) / warm, goal=20)
    first = min(total - 3 * each for total, each in peer)
    yield dict(work="24 heat maps, 1800 x 1200, cold", ours=1e3 * cold, peer=1e3 * first, unit="ms", ratio=first / cold, goal=20)


rows = list(dict(archive=archive_rows, dynamics=dynamics_rows, figures=figures_rows, information=information_rows, train=train_rows)[a.work]())
if a.json:
    print(json.dumps({"rows": rows}, indent=2))
else:
    print(f"{'work':40} {'ours':>9} {'peer':>9}  unit        ratio  goal")
    for r in rows:
        goal = "" if r["goal"] is None else r["goal"]
        print(f"{r['work']:40} {r['ours']:9.0f} {r['peer']:9.0f}  {r['unit']:10} {'' if r['ratio'] is None else format(r['ratio'], '6.2f'):>6}  {goal}")
        if "profile" in r:
            print("  one thread, a shard of an eighth: " + ", ".join(f"{k[:-3].replace('_', ' ')} {v:.3g} ms" for k, v in r["profile"].items()))
