"""pip installs the package, and without torch it imports."""

import os
import shutil
import subprocess
import sys
import unittest

from support import FolderTest

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Package(FolderTest):
    def test_pip_installs_it(self) -> None:
        # Building leaves files beside the source.
        source, target = os.path.join(self.folder, "source"), os.path.join(self.folder, "target")
        shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("tests", "build", "*.egg-info", "__pycache__"))
        builds = subprocess.run([sys.executable, "-c", "import setuptools, wheel"], check=False, capture_output=True).returncode == 0
        offline = ["--no-build-isolation", "--no-index"] if builds else []
        words = ["-m", "pip", "install", "-q", "--no-deps", *offline, "--target", target, source]
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
        if "No matching distribution found for setuptools" in done.stderr:
            self.skipTest("this Python has no setuptools and wheel, and pip cannot fetch them here")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(os.path.exists(os.path.join(target, "isotherm_recorder", "py.typed")))
        # Torch is not loaded where no module is watched.
        program = "import sys, isotherm_recorder as r; print(r.__file__, r.__version__, 'torch' in sys.modules)"
        environment = {**os.environ, "PYTHONPATH": target}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment, cwd=self.folder)
        with open(os.path.join(PACKAGE, "pyproject.toml"), encoding="utf-8") as file:
            version = next(line.split('"')[1] for line in file if line.startswith("version ="))
        self.assertEqual(done.stdout.split(), [os.path.join(target, "isotherm_recorder", "__init__.py"), version, "False"], done.stderr)


if __name__ == "__main__":
    unittest.main()
