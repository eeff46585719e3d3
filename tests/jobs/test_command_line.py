"""The command line: configurations by name or path, the program's name in messages, packages that are missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from lfw_jax.__main__ import main
from lfw_jax.errors import UserError
from lfw_jax.jobs import config_files

ROOT = Path(__file__).parents[2]
PROGRAMS = {"lfw-jax": ["-m", "lfw_jax"], "launch.py": ["launch.py"]}


def call(program: str, *arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    command = [sys.executable, *options, *PROGRAMS[program], *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("text", ["arcface", "arcface.py", "configs/arcface", "configs/arcface.py"])
def test_a_configuration_is_found_by_name_from_any_folder(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_files.find(text) == ROOT / "configs" / "arcface.py"


@pytest.mark.parametrize("text", ["cpu/arcface", "cpu/arcface.py", "configs/cpu/arcface", "configs/cpu/arcface.py"])
def test_a_configuration_of_a_folder_is_found_and_named_with_it(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = config_files.find(text)
    assert found == ROOT / "configs" / "cpu" / "arcface.py"
    assert config_files.name_of(found) == "cpu/arcface"


def test_other_configurations_are_named_by_their_file_alone(tmp_path):
    assert config_files.name_of(config_files.find("arcface")) == "arcface"
    assert config_files.name_of(tmp_path / "cpu" / "mine.py") == "mine"


@pytest.mark.parametrize("text", ["arcface", "arcface.py", "configs/arcface.py", "elsewhere/arcface.py"])
def test_an_existing_file_wins_over_a_name(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(text).parent.mkdir(exist_ok=True)
    Path(text).touch()
    assert config_files.find(text) == Path(text)


def test_a_folder_of_that_name_is_no_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("arcface").mkdir()
    assert config_files.find("arcface") == ROOT / "configs" / "arcface.py"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("arcfce", "Did you mean --config=arcface? "),
        ("arcfce.py", "Did you mean --config=arcface.py? "),
        ("configs/arcfce.py", "Did you mean --config=configs/arcface.py? "),
        ("elsewhere/arcface.py", "Did you mean --config=arcface? "),
        ("./arcface.py", "Did you mean --config=arcface? "),
        ("ablation/base_line", "Did you mean --config=ablation/baseline? "),
        ("configs/cpu/arcfce.py", "Did you mean --config=configs/cpu/arcface.py? "),
        ("zzz", ""),
        ("__init__", ""),
        ("", ""),
    ],
)
def test_a_name_that_is_not_found_is_refused_with_those_that_are(text, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        config_files.find(text)
    assert str(caught.value) == (
        f"--config: found neither a file '{text}' nor a configuration of that name. {hint}The names are arcface, "
        "best_lfw, contrastive_semihard, descriptors_jb, fisher_jb, lfw_cpu, lfw_gpu, margin_histogram, quickstart, "
        "resnet_contrastive, siamese_contrastive, and "
        "those of the folders ablation, cpu and repair, such as ablation/arcface_64; give a file of your own by its path."
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_messages_name_the_program_that_was_called(program):
    result = call(program, "--config", "arcface", "--config.seed=many")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"{program}: --config.seed is 'many'; expected a whole number, as its default 0.\n"


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_flag_of_a_job_and_succeeds(program, flag):
    result = call(program, flag)
    assert (result.returncode, result.stderr) == (0, "")
    assert all(
        f"\n  --{name}:" in result.stdout
        for name in ("config", "folds", "input", "[no]json", "minutes", "mode", "output", "[no]quiet", "workdir")
    )
    assert "(default: 'quickstart')" in result.stdout


def test_a_reader_that_leaves_early_ends_the_job_without_a_word():
    code = """
import sys
from lfw_jax.jobs import command_line, dispatch
def endless(request):
    while True: print("line", flush=True)
command_line.run_job = endless
command_line.run("lfw-jax")
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, "--config=quickstart"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as job:
        assert job.stdout is not None
        assert job.stderr is not None
        assert job.stdout.readline() == b"line\n"
        job.stdout.close()
        assert (job.wait(60), job.stderr.read()) == (141, b"")


@pytest.mark.parametrize("program", PROGRAMS)
def test_without_the_extra_train_one_sentence_says_what_to_install(program):
    result = call(program, "--help", options=("-S",))  # without the environment's packages
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{program}: absl-py, flax, ")
    assert result.stderr.endswith(" and threadpoolctl are not installed; run `pip install 'lfw-jax[train]'`.\n")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(("module", "package"), [("flax", "flax"), ("cv2", "opencv-python-headless")])
def test_one_missing_package_is_named(module, package, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"lfw-jax: {package} is not installed; run `pip install 'lfw-jax[train]'`.\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "import nowhere",
            "cannot be loaded: ModuleNotFoundError: No module named 'nowhere', line 1. The shared base is",
        ),
        ("def get_config(:", "cannot be loaded: SyntaxError: invalid syntax (mine.py, line 1)."),
        ("seed = 1", "defines no function get_config, which returns the configuration."),
        ("def get_config():\n    return 1 / 0", "cannot be loaded: ZeroDivisionError: division by zero, line 2."),
        ("def get_config():\n    return open('nowhere')", "directory: 'nowhere', line 2."),
        ("def get_config():\n    return {}", "returned dict, expected a ConfigDict."),
    ],
)
def test_a_broken_configuration_of_ones_own_is_explained_in_one_line(text, expected, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(text)
    result = call("lfw-jax", f"--config={path}")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("lfw-jax: --config: ")
    assert str(path) in result.stderr
    assert expected in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_error_reaches_the_terminal_without_the_commands_in_it():
    done = call("launch.py", "--config=\x1b[31mred\x9b2J")
    assert done.returncode == 2
    assert "found neither a file '\\x1b[31mred\\x9b2J' nor a configuration" in done.stderr
