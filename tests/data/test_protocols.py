import collections
import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.data.protocols import holding_out, lfw_lists
from lfw_jax.data.protocols.lfw_lists import PairList
from lfw_jax.data.protocols.lfw_pair_lines import is_lfw_list
from lfw_jax.errors import UserError

VIEW_1 = "2\nAnn_Lee\t1\t2\nBob_Ray\t2\t3\nAnn_Lee\t1\tBob_Ray\t1\nAnn_Lee\t2\tCy_Day\t1\n"
VIEW_2 = "2\t1\nAnn\t1\t2\nAnn\t1\tBob\t1\nCy\t3\t1\nCy\t1\tDee\t2\n"


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "list.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_view_1_holds_same_pairs_then_different_ones(written):
    pairs = lfw_lists.read_pairs(written(VIEW_1))
    assert pairs.first == (("Ann_Lee", 1), ("Bob_Ray", 2), ("Ann_Lee", 1), ("Ann_Lee", 2))
    assert pairs.second == (("Ann_Lee", 2), ("Bob_Ray", 3), ("Bob_Ray", 1), ("Cy_Day", 1))
    assert pairs.same.tolist() == [True, True, False, False]
    assert (pairs.name, pairs.folds, len(pairs)) == ("list", None, 4)


def test_keys_are_unique_in_order_and_indices_lead_back_to_the_pairs(written):
    pairs = lfw_lists.read_pairs(written(VIEW_1))
    keys = pairs.keys()
    assert keys == (("Ann_Lee", 1), ("Ann_Lee", 2), ("Bob_Ray", 2), ("Bob_Ray", 3), ("Bob_Ray", 1), ("Cy_Day", 1))
    first, second = pairs.indices()
    assert tuple(keys[i] for i in first) == pairs.first
    assert tuple(keys[i] for i in second) == pairs.second
    assert pairs.identities() == {"Ann_Lee", "Bob_Ray", "Cy_Day"}


def test_view_2_numbers_its_folds(written):
    pairs = lfw_lists.read_pairs(written(VIEW_2))
    assert pairs.folds is not None
    assert pairs.folds.tolist() == [0, 0, 1, 1]
    assert pairs.same.tolist() == [True, False, True, False]
    assert pairs.second == (("Ann", 2), ("Bob", 1), ("Cy", 1), ("Dee", 2))


@pytest.mark.parametrize(
    "variant",
    [
        VIEW_1.replace("\n", "\r\n"),
        VIEW_1.replace("\n", "\r"),
        VIEW_1.replace("\t", "  "),
        VIEW_1.replace("\t", " \t "),
        VIEW_1.replace("\n", "\n\n") + " \n\t\n",
        VIEW_1.removesuffix("\n"),
        "\ufeff" + VIEW_1,
    ],
    ids=["windows", "old mac", "spaces", "mixed", "empty lines", "no last newline", "byte order mark"],
)
def test_blanks_and_line_ends_do_not_matter(written, variant):
    expected = lfw_lists.read_pairs(written(VIEW_1))
    pairs = lfw_lists.read_pairs(written(variant))
    assert (pairs.first, pairs.second) == (expected.first, expected.second)


@pytest.mark.parametrize(
    ("text", "same", "folds"),
    [
        ("1\nAnn 1 Bob 1\nAnn 1 2\n", [False, True], None),
        ("2\nAnn 1 2\nAnn 1 Bob 1\nBob 1 2\nBob 1 3\n", [True, False, True, True], None),
        ("2 1\nAnn 1 Bob 1\nAnn 1 2\nCy 3 1\nCy 1 Dee 2\n", [False, True, True, False], [0, 0, 1, 1]),
        ("2 1\nAnn 1 2\nAnn 1 Bob 1\nBob 1 2\n", [True, False, True], None),
        ("1 2\nAnn\t1\t2\nAnn\t1\tBob\t1\nAnn Lee\t1\tBob\t2\n", [True, False, False], None),
        ("Ann\t1\tBob\t1\nAnn Lee\t1\t2\nAnn\t1\tCy\t1\n", [False, True, False], None),
        ("7 1 2\n7 1 8 1\n", [True, False], None),
    ],
    ids=["different first", "three and one", "in folds", "a first line of both numbers", "numbers and tabs", "no first line",
         "names are numbers"],
)  # fmt: skip
def test_pairs_of_both_kinds_may_be_mixed_and_of_any_number(written, text, same, folds):
    path = written(text)
    pairs = lfw_lists.read_pairs(path)
    assert is_lfw_list(path)
    assert pairs.same.tolist() == same
    assert (None if pairs.folds is None else pairs.folds.tolist()) == folds
    for (name, _), (other, _), is_same in zip(pairs.first, pairs.second, same, strict=True):
        assert (name == other) == is_same


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_with_a_byte_order_mark_is_read(written, encoding):
    expected = lfw_lists.read_pairs(written(VIEW_1))
    pairs = lfw_lists.read_pairs(written(("\ufeff" + VIEW_1.replace("\n", "\r\n")).encode(encoding)))
    assert (pairs.first, pairs.second) == (expected.first, expected.second)


def test_a_name_may_hold_spaces_where_tabs_separate(written):
    pairs = lfw_lists.read_pairs(written("1\nAnn Lee\t1\t2\nAnn Lee\t1\tBob\t1\n"))
    assert pairs.identities() == {"Ann Lee", "Bob"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "found an empty file"),
        (" \n\n", None, "found an empty file"),
        (b"1\nAnn\xff\t1\t2\n", None, "UTF-8"),
        ("Ann\t1\t2\n", 1, "number of pairs"),
        ("1.5\n", 1, "number of pairs"),
        ("0\n", 1, "number of pairs"),
        ("-1\n", 1, "number of pairs"),
        ("1 x\n", 1, "number of pairs"),
        ("1 2 3\n", 1, "number of pairs"),
        ("9" * 5000 + "\n", 1, "number of pairs"),
        ("999999999 999999999\n", 1, "announces"),
        ("2\nAnn\t1\t2\nAnn\t1\tBob\t1\n", 1, "2 pairs"),
        (VIEW_1 + "Ann\t1\tBob\t3\n", 1, "5 pairs"),
        (VIEW_2.replace("2\t1", "2\t2"), 1, "4 pairs"),
        ("1\nAnn\t1\nAnn\t1\tBob\t1\n", 2, "two images of one identity"),
        ("1\nAnn\t1\t2\n\nAnn\t1\tBob\n", 4, "two different identities"),
        ("1\nAnn\t1\tBob\t1\nAnn\t1\tBob\n", 3, "two images of one identity"),
        ("1\nAnn\t1\tBob\t1\nAnn\t1\tCy\t1\n", None, "only pairs of two identities"),
        ("1\nAnn\t1\t2\nBob\t1\t2\n", None, "only pairs of one identity"),
        (
            "3\t2\n" + "Ann\t1\t2\n" * 2 + "Ann\t1\tBob\t1\n" * 3,
            1,
            "2 same and 3 different pairs after it, expected 3 same",
        ),
        ("Ann\t1\t2\nAnn\t1\tBob\t1\nAnn\t1\tx\n", 3, "two different identities"),
        ("1\nAnn\t0\t2\nAnn\t1\tBob\t1\n", 2, "from 1"),
        ("1\nAnn\t1\t-2\nAnn\t1\tBob\t1\n", 2, "from 1"),
        ("1\nAnn\t1\t٢\nAnn\t1\tBob\t1\n", 2, "from 1"),
        ("1\nAnn\t1\t" + "2" * 5000 + "\nAnn\t1\tBob\t1\n", 2, "from 1"),
        ("1\nAnn\t2\t2\nAnn\t1\tBob\t1\n", 2, "two images of one identity"),
        ("1\nAnn\t1\t2\nAnn\t1\tAnn\t2\n", 3, "two different identities"),
    ],
)
def test_a_malformed_pair_list_is_refused_with_file_line_and_expectation(written, text, line, words):
    path = written(text)
    with pytest.raises(UserError) as refusal:
        lfw_lists.read_pairs(path)
    message = str(refusal.value)
    assert words in message
    assert str(path) + ("" if line is None else f", line {line}:") in message
    assert len(message) < 500


def test_a_missing_list_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        lfw_lists.read_pairs(tmp_path / "none.txt")
    with pytest.raises(UserError, match="cannot be read"):
        lfw_lists.read_people(tmp_path)


def test_identities_are_read_with_their_numbers_of_images(written):
    assert lfw_lists.read_people(written("2\nAnn\t3\nBob_Ray\t1\n")) == {"Ann": 3, "Bob_Ray": 1}
    folds = lfw_lists.read_people_folds(written("2\n1\nAnn\t3\n2\nBob 1\nCy\t2\n"))
    assert folds == [{"Ann": 3}, {"Bob": 1, "Cy": 2}]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("Ann\t3\n", 1, "a number of identities"),
        ("2\nAnn\t3\n", 1, "1 lines"),
        ("1\nAnn\t3\nBob\t1\n", 3, "end of the list"),
        ("1\nAnn\n", 2, "`name images`"),
        ("1\nAnn\t0\n", 2, "`name images`"),
        ("1\nAnn\t1\t2\n", 2, "`name images`"),
        ("2\nAnn\t1\nAnn\t1\n", 3, "not named before"),
    ],
)
def test_a_malformed_list_of_identities_is_refused(written, text, line, words):
    path = written(text)
    with pytest.raises(UserError, match=words) as refusal:
        lfw_lists.read_people(path)
    assert f"{path}, line {line}:" in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x\n", "line 1: .*number of folds"),
        ("2\n1\nAnn\t3\n", "line 1: found 1 folds after it, expected 2 folds as it announces"),
        ("2\n1\nAnn\t3\n2\nBob\t1\n", "line 4: found 1 lines"),
        ("2\n1\nAnn\t3\nBob\t1\n", "line 4: .*number of identities"),
        ("1\n1\nAnn\t3\n1\nBob\t1\n", "line 4: .*end of the list"),
        ("2\n1\nAnn\t3\n1\nAnn\t3\n", "Ann in two folds"),
    ],
)
def test_malformed_folds_of_identities_are_refused(written, text, words):
    with pytest.raises(UserError, match=words):
        lfw_lists.read_people_folds(written(text))


@pytest.mark.parametrize(("name", "size"), [("pairsDevTrain", 1100), ("pairsDevTest", 500)])
def test_lfws_own_pair_lists_are_read_completely(lfw_dir, name, size):
    pairs = lfw_lists.read_pairs(lfw_dir / f"{name}.txt")
    assert (int(pairs.same.sum()), int((~pairs.same).sum()), pairs.name) == (size, size, name)
    assert pairs.same.tolist() == [a == b for (a, _), (b, _) in zip(pairs.first, pairs.second, strict=True)]
    keys = pairs.keys()
    assert all((lfw_dir / person / f"{person}_{number:04d}.jpg").is_file() for person, number in keys)


def test_lfws_halves_are_disjoint_and_name_images_that_exist(lfw_dir, tmp_path):
    train = lfw_lists.read_people(lfw_dir / "peopleDevTrain.txt")
    test = lfw_lists.read_people(lfw_dir / "peopleDevTest.txt")
    assert (len(train), sum(train.values())) == (4038, 9525)
    assert (len(test), sum(test.values())) == (1711, 3708)
    assert not train.keys() & test.keys()
    found = {folder.name: len(list(folder.glob("*.jpg"))) for folder in lfw_dir.iterdir() if folder.is_dir()}
    assert train | test == found
    for name, people in (("pairsDevTrain.txt", train), ("pairsDevTest.txt", test)):
        pairs = lfw_lists.read_pairs(lfw_dir / name)
        assert pairs.identities() <= people.keys()
        assert lfw_lists.check_against(pairs, people) is None
        lfw_lists.write_pairs(tmp_path / name, pairs)
        assert (tmp_path / name).read_bytes() == (lfw_dir / name).read_bytes()


people_counts = st.dictionaries(st.sampled_from("abcdefghij"), st.integers(0, 6), max_size=10)


@settings(deadline=None)
@given(counts=people_counts, pairs=st.integers(1, 60), seed=st.integers(0, 9))
def test_generated_pairs_are_distinct_balanced_true_and_as_many_as_exist(counts, pairs, seed):
    images = sum(counts.values())
    same_exist = sum(n * (n - 1) // 2 for n in counts.values())
    size = min(pairs, same_exist, images * (images - 1) // 2 - same_exist)
    if size == 0:
        with pytest.raises(UserError, match="at least one of each"):
            lfw_lists.generate_pairs(counts, pairs=pairs, seed=seed)
        return
    sampled = lfw_lists.generate_pairs(counts, pairs=pairs, seed=seed, name="held out")
    assert sampled.name == "held out"
    assert sampled.same.tolist() == [True] * size + [False] * size
    assert sampled.same.tolist() == [a == b for (a, _), (b, _) in zip(sampled.first, sampled.second, strict=True)]
    assert len({frozenset(pair) for pair in zip(sampled.first, sampled.second, strict=True)}) == 2 * size
    assert all(len(set(pair)) == 2 for pair in zip(sampled.first, sampled.second, strict=True))
    assert lfw_lists.check_against(sampled, counts) is None


def test_generated_pairs_depend_on_seed_and_identities_only():
    counts = {f"p{i}": i % 5 + 1 for i in range(40)}
    shuffled = dict(reversed(counts.items()))
    one, again, other = (
        lfw_lists.generate_pairs(source, pairs=30, seed=seed)
        for source, seed in [(counts, 1), (shuffled, 1), (counts, 2)]
    )
    assert (one.first, one.second) == (again.first, again.second)
    assert (one.first, one.second) != (other.first, other.second)


def test_an_identity_with_many_images_does_not_dominate_a_generated_list():
    counts = {"many": 500} | {f"p{i:02d}": 4 for i in range(50)}
    pairs = lfw_lists.generate_pairs(counts, pairs=102, seed=0)
    same_shares = collections.Counter(name for (name, _), same in zip(pairs.first, pairs.same, strict=True) if same)
    assert set(same_shares.values()) == {2}
    different = sum(name == "many" for side in (pairs.first, pairs.second) for name, _ in side[102:])
    # Drawn uniformly over images it would be in about 4 of 5 pairs; uniformly over people, in 2 of 51.
    assert different < 20


@settings(deadline=None)
@given(counts=people_counts, pairs=st.integers(1, 60), per_identity=st.integers(1, 4), seed=st.integers(0, 9))
def test_a_limit_of_pairs_per_identity_holds_for_both_kinds(counts, pairs, per_identity, seed):
    capped = sum(min(n * (n - 1) // 2, per_identity) for n in counts.values())
    images = sum(counts.values())
    if not capped or images * (images - 1) // 2 == sum(n * (n - 1) // 2 for n in counts.values()):
        return
    sampled = lfw_lists.generate_pairs(counts, pairs=pairs, seed=seed, per_identity=per_identity)
    size = len(sampled) // 2
    assert 1 <= size <= min(pairs, capped)
    assert sampled.same.tolist() == [True] * size + [False] * size
    assert sampled.same.tolist() == [a == b for (a, _), (b, _) in zip(sampled.first, sampled.second, strict=True)]
    assert len({frozenset(pair) for pair in zip(sampled.first, sampled.second, strict=True)}) == 2 * size
    names = [[name for name, _ in side] for side in (sampled.first, sampled.second)]
    assert max(collections.Counter(names[0][:size]).values()) <= per_identity
    assert max(collections.Counter(names[0][size:] + names[1][size:]).values()) <= 2 * per_identity


def test_a_limit_keeps_three_large_identities_from_dominating():
    counts = {f"large{i}": 60 for i in range(3)} | {f"p{i:02d}": 3 for i in range(27)}
    shares = []
    for limit in (0, 10):
        pairs = lfw_lists.generate_pairs(counts, pairs=600, seed=0, per_identity=limit)
        names = [name for (name, _), same in zip(pairs.first, pairs.same, strict=True) if same]
        shares.append((sum(name.startswith("large") for name in names), len(names)))
    assert shares == [(519, 600), (30, 111)]


def test_pairs_of_two_large_identities_among_many_small_ones_are_found():
    # Nearly all different pairs are of these two: sampling identities uniformly alone would hardly ever finish.
    counts = {"a": 300, "b": 300} | {f"p{i:02d}": 1 for i in range(60)}
    pairs = lfw_lists.generate_pairs(counts, pairs=60_000, seed=0)
    assert pairs.same.sum() == (~pairs.same).sum() == 60_000
    assert len(set(zip(pairs.first, pairs.second, strict=True))) == 120_000


def test_generated_pairs_use_the_given_image_numbers():
    pairs = lfw_lists.generate_pairs({"a": [3, 7], "b": [5], "c": []}, pairs=9, seed=0)
    assert (pairs.first[0], pairs.second[0]) == (("a", 3), ("a", 7))
    assert pairs.keys()[-1] == ("b", 5)
    with pytest.raises(UserError, match="request more pairs"):
        lfw_lists.generate_pairs({"a": 2, "b": 2}, pairs=0, seed=0)


@settings(deadline=None)
@given(folds=st.integers(0, 4), size=st.integers(1, 8))
def test_written_lists_are_read_back(tmp_path_factory, folds, size):
    pairs = lfw_lists.generate_pairs({"a b": 9, "c": 9, "d": 9}, pairs=size * max(folds, 1), seed=size)
    if folds:
        per_kind = np.arange(size * folds) // size
        order = np.argsort(np.concatenate([per_kind, per_kind]), kind="stable")
        first, second = (tuple(side[i] for i in order) for side in (pairs.first, pairs.second))
        pairs = PairList(first, second, pairs.same[order], "f", np.repeat(np.arange(folds), 2 * size))
    path = tmp_path_factory.mktemp("lists") / "written.txt"
    lfw_lists.write_pairs(path, pairs)
    read = lfw_lists.read_pairs(path)
    assert (read.first, read.second, read.same.tolist()) == (pairs.first, pairs.second, pairs.same.tolist())
    assert (read.folds is None) == (pairs.folds is None)
    assert read.folds is None or np.array_equal(read.folds, pairs.folds)


@pytest.mark.parametrize(
    ("first", "second", "same", "words"),
    [
        ([("a", 1)], [("a", 2)], [True], "as many same as different"),
        ([], [], [], "as many same as different"),
        ([("a", 1), ("a", 1)], [("b", 2), ("b", 1)], [True, False], "same pair"),
        ([("a", 1), ("a", 1)], [("a", 2), ("a", 3)], [True, False], "different pair"),
        ([("a\t", 1), ("a", 1)], [("a\t", 2), ("b", 3)], [True, False], "same pair"),
        ([("a", 0), ("a", 1)], [("a", 2), ("b", 3)], [True, False], "same pair"),
    ],
)
def test_a_list_that_the_format_cannot_hold_is_not_written(tmp_path, first, second, same, words):
    pairs = PairList(tuple(first), tuple(second), np.asarray(same), "odd")
    with pytest.raises(ValueError, match=words):
        lfw_lists.write_pairs(tmp_path / "odd.txt", pairs)
    assert not (tmp_path / "odd.txt").exists()


def test_a_pair_list_of_unequal_lengths_is_refused():
    with pytest.raises(ValueError, match="equally long"):
        PairList((("a", 1),), (("a", 2),), np.asarray([True, False]), "odd")


@settings(deadline=None)
@given(counts=st.dictionaries(st.text("abc", min_size=1), st.integers(2, 3), min_size=1), seed=st.integers(0, 5))
def test_added_identities_do_not_move_others_across_the_split(counts, seed):
    crowd = {f"p{i}": 2 for i in range(60)}
    training, validation = holding_out.split_identities(crowd, share=0.4, seed=seed)
    more_training, more_validation = holding_out.split_identities(crowd | counts, share=0.4, seed=seed)
    assert sorted(training + validation) == sorted(crowd)
    assert set(training) <= set(more_training)
    assert set(validation) <= set(more_validation)


def test_the_split_meets_its_share_and_depends_on_the_seed():
    crowd = {f"p{i}": 2 for i in range(4000)}
    _, validation = holding_out.split_identities(crowd, share=0.1, seed=0)
    assert 340 < len(validation) < 460  # 400 ± 3 standard deviations
    assert validation != holding_out.split_identities(crowd, share=0.1, seed=1)[1]


@pytest.mark.parametrize(
    ("counts", "share", "words"),
    [
        ({f"p{i}": 1 for i in range(100)}, 0.5, "100 identities, 0 with two images.*at least 3, 2 with two images"),
        ({"a": 2, "b": 2}, 0.01, "cannot be held out of 2 identities.*Add images of more identities"),
        ({"a": 2, "b": 2}, 0.9999, "cannot be held out of 2 identities.*Add images of more identities"),
        ({}, 0.5, "0 identities"),
        ({"a": 2, "b": 2}, 0.0, "between 0 and 1"),
        ({"a": 2, "b": 2}, 1.0, "between 0 and 1"),
        ({"a": 2, "b": 2}, float("nan"), "between 0 and 1"),
    ],
)
def test_an_impossible_split_is_refused(counts, share, words):
    with pytest.raises(UserError, match=words):
        holding_out.split_identities(counts, share=share, seed=0)


@pytest.mark.parametrize("share", [0.02, 0.05, 0.3, 0.9999])
@pytest.mark.parametrize(("people", "leave"), [(3, 0), (5, 2), (28, 0), (40, 2)])
def test_no_seed_holds_out_too_few_or_too_many_of_a_small_set(people, leave, share):
    counts = {f"p{i}": 5 for i in range(people)} | {f"single{i}": 1 for i in range(3)}
    for seed in range(50):
        training, held_out = holding_out.split_identities(counts, share=share, seed=seed, leave=leave)
        assert sorted(training + held_out) == sorted(counts)
        assert sum(counts[name] >= 2 for name in held_out) >= 2
        assert sum(counts[name] >= 2 for name in training) >= leave
        assert len(training) >= leave + 1


def test_only_a_split_that_was_refused_differs_from_the_draw_of_each_identity():
    counts = {f"p{i}": 1 + i % 3 for i in range(20)}
    refused = 0
    for seed in range(100):
        drawn = {
            name
            for name in counts
            if int.from_bytes(hashlib.sha256(f"{seed}\0{name}".encode()).digest()[:8]) < 0.1 * 2**64
        }
        training, held_out = holding_out.split_identities(counts, share=0.1, seed=seed)
        if sum(counts[name] >= 2 for name in drawn) >= 2:
            assert set(held_out) == drawn
            assert set(training) == counts.keys() - drawn
        else:
            refused += 1
            assert drawn < set(held_out)
            assert sum(counts[name] >= 2 for name in held_out) == 2
    assert 20 < refused < 90


def test_images_missing_from_the_data_are_named(written):
    pairs = lfw_lists.read_pairs(written(VIEW_1))
    everything = set(pairs.keys())
    assert lfw_lists.check_against(pairs, everything) is None
    assert lfw_lists.check_against(pairs, dict.fromkeys(everything, "path")) is None
    assert lfw_lists.check_against(pairs, {"Ann_Lee": 2, "Bob_Ray": [1, 2, 3], "Cy_Day": 1}) is None
    with pytest.raises(UserError, match=r"list: 1 of the 6 .*\(Cy_Day_0001\).*--config\.data\.dir"):
        lfw_lists.check_against(pairs, everything - {("Cy_Day", 1)})
    with pytest.raises(UserError, match=r"4 of the 6 .*\(Bob_Ray_0002, Bob_Ray_0003, Bob_Ray_0001, …\)"):
        lfw_lists.check_against(pairs, {"Ann_Lee": 2})
    with pytest.raises(UserError, match="6 of the 6"):
        lfw_lists.check_against(pairs, {})


@pytest.mark.parametrize("side", ["first", "second"])
def test_generated_different_pairs_use_all_images_of_an_identity(side):
    pairs = lfw_lists.generate_pairs({f"p{i:02d}": 4 for i in range(50)}, pairs=200, seed=0)
    numbers = collections.Counter(number for _, number in getattr(pairs, side)[200:])
    assert min(numbers[number] for number in (1, 2, 3, 4)) > 25  # 50 ± 4 standard deviations
