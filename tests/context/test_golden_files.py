import pytest

from support.golden import check_golden


def test_golden_accepts_the_same_text_and_rejects_another(tmp_path):
    check_golden("a/b.txt", "one\r\ntwo\n", folder=tmp_path, update=True)
    check_golden("a/b.txt", "one\r\ntwo\n", folder=tmp_path, update=False)
    with pytest.raises(pytest.fail.Exception, match=r"-two\n\+three"):
        check_golden("a/b.txt", "one\r\nthree\n", folder=tmp_path, update=False)


def test_a_missing_golden_file_says_how_to_make_it(tmp_path):
    with pytest.raises(pytest.fail.Exception, match="ASSIST_UPDATE_GOLDEN=1"):
        check_golden("none.txt", "", folder=tmp_path, update=False)
