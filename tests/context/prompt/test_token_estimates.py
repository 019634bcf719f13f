import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_context.prompt.tokens import HIGHEST_FACTOR, LOWEST_FACTOR, Calibration, estimate

# Counted by Qwen2.5-Coder's tokenizer.
COUNTED = {
    "": 0,
    "def add(a, b):\n    return a + b\n": 12,
    "class LineIndex:\n    def __init__(self, text: str) -> None:\n"
    "        self._starts = [match.end() for match in _ENDING.finditer(text)]\n": 36,
    "export async function loadUser(id: string): Promise<User> {\n  const response = await fetch(`/users/${id}`);\n"
    "  return response.json();\n}\n": 30,
    "func (p *Pool) Close() error {\n\tp.mu.Lock()\n\tdefer p.mu.Unlock()\n\treturn p.conn.Close()\n}\n": 25,
    'fn main() {\n    let xs: Vec<u32> = (0..10).map(|x| x * 0xFF_u32).collect();\n    println!("{xs:?}");\n}\n': 42,
    "# 计算两个向量之间的欧几里得距离\ndef distance(a, b):\n"
    "    return sum((x - y) ** 2 for x, y in zip(a, b)) ** 0.5\n": 47,
    '{"name": "assist-lsp", "version": "0.1.0", "port": 43605}\n': 28,
    "SELECT COUNT(*) FROM users WHERE created_at >= DATE_SUB(NOW(), INTERVAL 30 DAY);\n": 20,
    "Привет, мир: функция для вычисления суммы 🎉\n": 18,
    "f81d4fae-7dec-11d0-a765-00a0c91e6bf6": 31,
}


@pytest.mark.parametrize("text", COUNTED, ids=lambda text: text[:20])
def test_an_estimate_is_rather_too_high_than_too_low(text):
    assert COUNTED[text] <= estimate(text) <= 3 * COUNTED[text]


@given(st.text(max_size=200))
def test_an_estimate_is_between_nothing_and_the_bytes(text):
    assert (text != "") <= estimate(text) <= len(text.encode("utf-8", "surrogatepass"))


@given(st.text(alphabet=st.sampled_from("abAB1 \n(){}=é漢😀"), max_size=60), st.integers(0, 60))
def test_parts_are_never_estimated_at_less_than_the_whole(text, at):
    assert estimate(text) <= estimate(text[:at]) + estimate(text[at:])


def test_lone_surrogates_do_no_harm():
    assert estimate("a\ud83d") > 0


def test_calibration_rises_quickly_and_falls_slowly():
    risen = Calibration().with_observation(100, 200)
    fallen = Calibration().with_observation(100, 50)
    assert risen.factor - 1 > 1 - fallen.factor > 0
    assert risen.apply(10) == 15
    assert Calibration(1.01).apply(1) == 2


def test_calibration_learns_nothing_from_nothing():
    calibration = Calibration(1.5)
    assert calibration.with_observation(0, 10) is calibration
    assert calibration.with_observation(10, 0) is calibration


def test_calibration_comes_to_a_steady_ratio():
    calibration = Calibration()
    for _ in range(60):
        calibration = calibration.with_observation(100, 75)
    assert calibration.factor == pytest.approx(0.75, abs=0.01)


@given(st.lists(st.tuples(st.integers(-5, 10**6), st.integers(-5, 10**6)), max_size=20))
def test_calibration_stays_within_its_bounds(observations):
    calibration = Calibration()
    for estimated, actual in observations:
        calibration = calibration.with_observation(estimated, actual)
    assert LOWEST_FACTOR <= calibration.factor <= HIGHEST_FACTOR
