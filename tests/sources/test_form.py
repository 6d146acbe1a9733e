"""What somebody's data is, told from a path: every form, and everything that is none."""
import gzip
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepen.core.words import Problem
from deepen.sources._finding import Trouble
from deepen.sources._form import recognise

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))
PROSE = "It was a bright cold day in April, and the clocks were striking thirteen.\nWinston Smith, his chin nuzzled into his breast, slipped in.\n"


def put(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def picture(path, size=(8, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((size[1], size[0], 3), np.uint8)).save(path)
    return path


def reviews(mark="\t", count=60, more=""):
    lines = [mark.join(["id", "document", "label"])]
    lines += [mark.join([str(i), f"this film number {i} was {'good' if i % 2 else 'very bad'} indeed{more}", str(i % 2)]) for i in range(count)]
    return "\n".join(lines)


def test_pictures_in_class_folders(tmp_path):
    picture(tmp_path / "a" / "1.png")
    picture(tmp_path / "b" / "1.png")
    form = recognise(tmp_path)
    assert (form.name, form.source, form.path) == ("pictures", "folder", tmp_path) and tmp_path.name in form.why


def test_pictures_below_train_and_inside_one_unpacked_folder(tmp_path):
    for part in ("train", "val"):
        for name in ("a", "b"):
            picture(tmp_path / "photos" / part / name / "1.jpg")
    form = recognise(tmp_path)
    assert form.name == "pictures" and form.path == tmp_path / "photos"


@pytest.mark.parametrize("name, text", [("t.csv", "a,b,y\n1,2,0\n3,4,1\n"), ("t.tsv", "a\tb\n1\t2\n"), ("t.txt", "a\tb\ty\n1\t2\t0\n3\t4\t1\n"),
                                        ("t.txt", "1.5 2 3\n4 5.5 6\n7 8 9\n"), ("t.csv", ""), ("t.csv", b"\xff\x00\x12\x93" * 9)])
def test_tables(tmp_path, name, text):
    form = recognise(put(tmp_path / name, text))
    assert (form.name, form.source) == ("table", "table")


def test_a_table_of_people_with_names_is_no_text_with_labels(tmp_path):
    rows = "\n".join(f"{i},Mr. Some Body Number {i} of Place,{i % 7},{i % 3},{i % 2}" for i in range(60))
    assert recognise(put(tmp_path / "t.csv", "id,name,age,class,survived\n" + rows)).name == "table"


@pytest.mark.parametrize("name, mark", [("r.txt", "\t"), ("r.tsv", "\t"), ("r.csv", ",")])
def test_sentences_with_labels(tmp_path, name, mark):
    form = recognise(put(tmp_path / name, reviews(mark)))
    assert (form.name, form.source, dict(form.given)) == ("text", None, {"text": 1, "label": 2})
    assert recognise(tmp_path).name == "text"


def test_packed_sentences_are_read_as_they_are(tmp_path):
    assert recognise(put(tmp_path / "r.txt.gz", gzip.compress(reviews().encode()))).name == "text"
    assert recognise(put(tmp_path / "c.txt.gz", gzip.compress(PROSE.encode()))).name == "corpus"
    with pytest.raises(Trouble, match="unpack it"):
        recognise(put(tmp_path / "t.csv.gz", gzip.compress(b"a,b\n1,2\n3,4\n")))


def test_a_folder_of_texts_for_each_class(tmp_path):
    for name in ("pos", "neg"):
        for i in range(3):
            put(tmp_path / name / f"{i}.txt", PROSE)
    assert recognise(tmp_path).name == "text" and "neg, pos" in recognise(tmp_path).why


def test_plain_text(tmp_path):
    assert recognise(put(tmp_path / "book.txt", PROSE * 9)).name == "corpus"
    assert recognise(put(tmp_path / "수필.txt", ("나는 학교에 갔다. 그리고 친구를 만났다.\n" * 9).encode("cp949"))).name == "corpus"
    assert recognise(tmp_path).name == "corpus"


def test_boxes(tmp_path):
    put(tmp_path / "voc" / "Annotations" / "1.xml", "<annotation><filename>1.jpg</filename></annotation>")
    picture(tmp_path / "voc" / "JPEGImages" / "1.jpg")
    assert recognise(tmp_path / "voc").name == "voc"
    assert recognise(tmp_path / "voc" / "Annotations").path == tmp_path / "voc"
    told = json.dumps({"images": [], "annotations": [], "categories": []})
    assert recognise(put(tmp_path / "coco" / "annotations" / "instances.json", told)).name == "coco"
    form = recognise(tmp_path / "coco")
    assert (form.name, form.source, form.path) == ("coco", "coco", tmp_path / "coco")
    sentences = put(tmp_path / "coco" / "annotations" / "captions.json", json.dumps({"images": [], "annotations": [{"caption": "a dog"}]}))
    assert recognise(tmp_path / "coco").name == "coco"                      # boxes first, where a set has both
    (tmp_path / "coco" / "annotations" / "instances.json").unlink()
    form = recognise(tmp_path / "coco")
    assert (form.name, form.source, form.path) == ("captions", "captions", sentences)


def test_masks(tmp_path):
    picture(tmp_path / "one" / "images" / "1.jpg")
    picture(tmp_path / "one" / "masks" / "1.png")
    assert dict(recognise(tmp_path / "one").given) == {"images": "images", "masks": "masks"}
    put(tmp_path / "two" / "train.txt", "train/1.jpg annot/1.png\ntrain/2.jpg annot/2.png\n")
    picture(tmp_path / "two" / "train" / "1.jpg")
    assert recognise(tmp_path / "two").name == "masks"
    for name in ("1.png", "1_mask.png", "2.png", "2_mask.png"):
        picture(tmp_path / "three" / name)
    assert recognise(tmp_path / "three").name == "masks"


def test_captions(tmp_path):
    for i in range(3):
        picture(tmp_path / "images" / f"{i}.jpg")
    put(tmp_path / "captions.csv", "image,caption\n" + "".join(f"{i}.jpg,a dog runs on the grass\n" for i in range(3)))
    form = recognise(tmp_path)
    assert (form.name, form.path) == ("captions", tmp_path / "captions.csv")
    with pytest.raises(Trouble, match="their classes"):
        recognise(put(tmp_path / "labels.csv", "image,label\n" + "".join(f"{i}.jpg,dog\n" for i in range(9))))


def test_packed_pictures(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet
    put(tmp_path / "idx" / "train-images-idx3-ubyte.gz", gzip.compress(b"\0\0\x08\x03"))
    assert (recognise(tmp_path / "idx").source, recognise(tmp_path / "idx").path) == ("mnist", tmp_path / "idx")
    with pytest.raises(Trouble, match="folder that holds all four"):
        recognise(tmp_path / "idx" / "train-images-idx3-ubyte.gz")
    parquet.write_table(pa.table({"img": [{"bytes": b"x", "path": "1"}], "label": [1]}), tmp_path / "train.parquet")
    assert recognise(tmp_path / "train.parquet").source == "cifar"
    parquet.write_table(pa.table({"x": [1.0], "y": [1]}), tmp_path / "table.parquet")
    assert recognise(tmp_path / "table.parquet").source == "table"


def test_one_table_in_a_folder_is_used(tmp_path):
    put(tmp_path / "house.csv", "a,b\n1,2\n3,4\n")
    put(tmp_path / "README.md", "about houses")
    assert recognise(tmp_path).path == tmp_path / "house.csv" and "house.csv" in recognise(tmp_path).why


def test_two_parts_of_one_table(tmp_path):
    put(tmp_path / "house-train.csv", "a,b,price\n1,2,3\n3,4,5\n")
    put(tmp_path / "house-test.csv", "a,b,price\n1,2,3\n")
    form = recognise(tmp_path)
    assert form.path.name == "house-train.csv" and form.given == {"test": tmp_path / "house-test.csv"}
    put(tmp_path / "house-test.csv", "a,b\n1,2\n")
    assert recognise(tmp_path).given == {"target": "price"} and "no price" in recognise(tmp_path).why


def test_several_tables_are_named(tmp_path):
    put(tmp_path / "houses.csv", "a,b\n1,2\n3,4\n")
    put(tmp_path / "flats.csv", "a,b\n1,2\n3,4\n")
    with pytest.raises(Trouble, match=r"flats.csv, houses.csv.*give one of them"):
        recognise(tmp_path)


def test_forms_that_are_named_but_not_read(tmp_path):
    picture(tmp_path / "yolo" / "images" / "1.jpg")
    put(tmp_path / "yolo" / "labels" / "1.txt", "0 0.5 0.5 0.1 0.2\n")
    with pytest.raises(Trouble, match=r"YOLO.*COCO"):
        recognise(tmp_path / "yolo")
    for i in range(5):
        picture(tmp_path / "heap" / f"{i}.jpg")
    put(tmp_path / "heap" / "labels.csv", "image,label\n" + "".join(f"{i}.jpg,dog\n" for i in range(5)))
    with pytest.raises(Trouble, match=r"labels.csv.*folder for each class"):
        recognise(tmp_path / "heap")


@pytest.mark.parametrize("name, content, says", [
    ("evil.pkl", b"\x80\x04cos\nsystem\n", "model file"), ("net.onnx", b"", "model file"), ("a.npy", b"\x93NUMPY", "model file"),
    ("book.xlsx", b"PK\x03\x04", "CSV UTF-8"), ("page.html", "<html>", "web page"), ("t.csv", "<!DOCTYPE html><html>", "web page"),
    ("paper.pdf", b"%PDF-1.7", "document"), ("film.mp4", b"\0\0\0", "film"), ("one.xml", "<annotation/>", "JPEGImages"),
    ("other.json", '{"a": 1}', "COCO"), ("cut.json", '{"a": ', "damaged"), ("rows.jsonl", "{}", "CSV"), ("mine.py", "x = 1", "program"),
    ("data.db", b"SQLite", "database"), ("what.xyz", b"\x01\x02", "does not read"), ("a.7z", b"7z\xbc\xaf\x27\x1c", "unpack it"),
    ("lfs.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull")])
def test_what_is_no_data_is_told_with_a_way_out(tmp_path, name, content, says):
    with pytest.raises(Trouble, match=says) as told:
        recognise(put(tmp_path / name, content))
    assert told.value.finding.file == name and told.value.finding.mend


def test_a_lone_picture_an_empty_folder_and_a_pipe(tmp_path):
    with pytest.raises(Trouble, match="folder of pictures for each class"):
        recognise(picture(tmp_path / "1.png"))
    (tmp_path / "empty" / "inside").mkdir(parents=True)
    with pytest.raises(Trouble, match="is empty"):
        recognise(tmp_path / "empty" / "inside")
    with pytest.raises(Trouble, match="empty"):
        recognise(tmp_path / "empty")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Trouble, match="not a file"):
        recognise(tmp_path / "pipe")
    with pytest.raises(Problem, match="nothing at"):
        recognise(tmp_path / "nowhere")


def test_runs_and_models_of_deepen_are_no_data(tmp_path):
    put(tmp_path / "run" / "run.toml", "")
    put(tmp_path / "run" / "model" / "card.json", "{}")
    with pytest.raises(Problem, match="deepen validate") as told:
        recognise(tmp_path / "run")
    assert not isinstance(told.value, Trouble)
    with pytest.raises(Problem, match="model of deepen"):
        recognise(tmp_path / "run" / "model")


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_archives_are_looked_into_and_never_unpacked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Trouble, match=r"2 files \(2 .jpg\).*unpack it"):
        recognise(zipped(tmp_path / "good.zip", {"a/1.jpg": b"1", "b/2.jpg": b"2"}))
    with pytest.raises(Trouble, match=r"hostile.*\.\./out.txt"):
        recognise(zipped(tmp_path / "slip.zip", {"../out.txt": b"1", "a.txt": b"1"}))
    with pytest.raises(Trouble, match="hostile"):
        recognise(zipped(tmp_path / "root.zip", {"/tmp/deepen_out.txt": b"1"}))
    with pytest.raises(Trouble, match="bomb"):
        recognise(zipped(tmp_path / "bomb.zip", {"zeros.bin": bytes(60 << 20)}))
    with pytest.raises(Trouble, match="damaged"):
        recognise(put(tmp_path / "cut.zip", b"PK\x03\x04" + bytes(40)))
    with tarfile.open(tmp_path / "link.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo("data/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    with pytest.raises(Trouble, match=r"links out.*/etc/hostname"):
        recognise(tmp_path / "link.tar.gz")
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as archive:
        large = tarfile.TarInfo("zeros")
        large.size = 60 << 20
        archive.addfile(large, io.BytesIO(bytes(60 << 20)))
    with pytest.raises(Trouble, match="bomb"):
        recognise(tmp_path / "bomb.tar.gz")
    assert not (tmp_path.parent / "out.txt").exists() and not Path("/tmp/deepen_out.txt").exists()
    assert not (tmp_path / "a").exists()


def test_a_zip_of_texts_in_class_folders_is_data(tmp_path):
    form = recognise(zipped(tmp_path / "r.zip", {f"r/{name}/{i}.txt": PROSE for name in ("pos", "neg") for i in range(3)}))
    assert form.name == "text" and form.path == tmp_path / "r.zip" and "neg, pos" in form.why


def test_korean_names_in_a_zip(tmp_path):
    path = DATA / "nasty" / "archives" / "korean_names_cp949.zip"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    with pytest.raises(Trouble, match=r"한글사진\.jpg"):
        recognise(path)


def test_a_million_files_are_not_walked(tmp_path, monkeypatch):
    from deepen.sources import _form_folder
    monkeypatch.setattr(_form_folder, "MOST", 10)
    for i in range(40):
        put(tmp_path / "a" / f"{i}.png")
    picture(tmp_path / "b" / "1.png")
    looked = []
    real = _form_folder.look
    monkeypatch.setattr(_form_folder, "look", lambda path: looked.append(seen := real(path)) or seen)
    assert recognise(tmp_path).name == "pictures"
    assert max(len(seen.files) + len(seen.folders) for seen in looked) == 10


@pytest.mark.parametrize("folder, name, source", [
    ("captions-flickr8k-1000", "captions", "captions"), ("cifar10", "packed", "cifar"), ("detection-bccd", "voc", "voc"), ("detection-coco128", "coco", "coco"),
    ("detection-pennfudan", "coco", "coco"), ("hymenoptera", "pictures", "folder"), ("mnist", "packed", "mnist"), ("segmentation-camvid", "masks", "masks"),
    ("seq2seq-toy", "corpus", None), ("text-en-movie-reviews", "text", None), ("text-en-novels", "corpus", None), ("text-en-ptb", "corpus", None),
    ("text-ko-chatbot", "text", None), ("text-ko-corpus", "corpus", None), ("text-ko-nsmc", "text", None), ("tabular/adult", "table", "table"),
    ("tabular/titanic", "table", "table"), ("tabular/california-housing", "table", "table"), ("text-en-tinyshakespeare/input.txt", "corpus", None),
    ("word-tests/simlex999.txt", "table", "table"), ("word-tests/questions-words.txt", "corpus", None)])
def test_real_data(folder, name, source):
    if not (DATA / folder).exists():
        pytest.skip(f"{DATA / folder} is not here")
    form = recognise(DATA / folder)
    assert (form.name, form.source) == (name, source)


def test_nasty_tables_are_tables_and_models_are_not(tmp_path, monkeypatch):
    if not (DATA / "nasty").is_dir():
        pytest.skip(f"{DATA / 'nasty'} is not here")
    monkeypatch.chdir(tmp_path)
    for path in sorted((DATA / "nasty" / "csv").iterdir()):
        assert recognise(path).name == "table", path.name
    for path in sorted((DATA / "nasty" / "models").iterdir()):
        with pytest.raises(Trouble, match="model file"):
            recognise(path)
    assert not list(tmp_path.iterdir())
