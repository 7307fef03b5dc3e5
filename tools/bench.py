"""Times our programs against the peers', in turn, best of several rounds each. Called by tools/bench."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

p = argparse.ArgumentParser()
p.add_argument("work", choices=["train"])
p.add_argument("--rounds", type=int, default=3)
p.add_argument("--json", action="store_true")
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


def ours_train(width, heads, mlp):
    with tempfile.TemporaryDirectory() as folder:
        settings = [f"model.width={width}", f"model.heads={heads}", f"model.mlp={mlp}", "training.batch=128", "training.epochs=1",
                    "capture.samples=1", "capture.taps=[residual.0.pre]"]
        words = [f"{a.binaries}/isotherm", "train", "data/studies/fashion-mnist.yaml", "-o", f"{folder}/run", "--threads", "2", "--json"]
        return output(*words, *(w for s in settings for w in ("--set", s)))["samples_per_second"]


def peer_train(width, heads, mlp):
    return output(sys.executable, f"{a.peers}/train_torch.py", "--width", str(width), "--heads", str(heads), "--mlp", str(mlp),
                  "--threads", "2")["samples_per_second"]


# Ours is the mean over 79 steps of real training, data and optimiser included; the peer's is its best 5 steps on random tensors.
rows = []
for name, shape, goal in [("train step, width 64", (64, 4, 256), 2.5), ("train step, width 128", (128, 8, 512), 2.0)]:
    ours, peer = [], []
    for _ in range(a.rounds):
        ours.append(ours_train(*shape))
        peer.append(peer_train(*shape))
    rows.append(dict(work=name, ours=max(ours), peer=max(peer), unit="samples/s", ratio=max(ours) / max(peer), goal=goal))
if a.json:
    print(json.dumps({"rows": rows}, indent=2))
else:
    print(f"{'work':24} {'ours':>9} {'peer':>9}  unit        ratio  goal")
    for r in rows:
        print(f"{r['work']:24} {r['ours']:9.0f} {r['peer']:9.0f}  {r['unit']:10} {r['ratio']:6.2f}  {r['goal']}")
