"""tools/convert_checkpoint.py on int8 checkpoints as tiny-training has them, and hostile ones."""

import contextlib
import io
import json
import pathlib
import struct
import unittest
import zipfile

from converter_test import (
    DEEP_TUPLE, ConverterTest, Raw, convert_checkpoint, encoded, float32, global_opcode, pickle_of,
    pickled, read_safetensors,
)  # fmt: skip
from checkpoint import folded_networks, restricted_pickle


class Array(Raw):
    """A NumPy array: type "i1", "i4" or "f4", shape, bytes."""

    def __init__(self, kind, shape, data):
        order = "|" if kind == "i1" else "<"
        dtype = global_opcode("numpy", "dtype") + pickled((kind, False, True)) + b"R"
        dtype += pickled((3, order, None, None, None, -1, -1, 0)) + b"b"
        empty = global_opcode("numpy.core.multiarray", "_reconstruct")
        empty += b"(" + global_opcode("numpy", "ndarray") + pickled((0,)) + encoded(b"b") + b"tR"
        state = b"(" + pickled(1) + pickled(shape) + dtype + b"\x89" + encoded(data) + b"t"
        super().__init__(empty + state + b"b")


def conv(out_channels, in_channels, kernel=1, stride=1, depthwise=False):
    """A conv whose weights, biases and scales follow simple rules, so that results are known."""
    shape = (out_channels, 1 if depthwise else in_channels, kernel, kernel)
    count = shape[0] * shape[1] * shape[2] * shape[3]
    weights = bytes((i % 251) for i in range(count))
    scales = [0.1 * (o + 1) for o in range(out_channels)]
    biases = [o * 1000 - 7 for o in range(out_channels)]
    return {
        "in_channel": in_channels,
        "out_channel": out_channels,
        "kernel_size": (kernel, kernel),
        "stride": stride,
        "groups": in_channels if depthwise else 1,
        "params": {
            "weight": Array("i1", shape, weights),
            "bias": Array("i4", (out_channels,), struct.pack(f"<{out_channels}i", *biases)),
            "w_scales": Array("f4", (out_channels,), struct.pack(f"<{out_channels}f", *scales)),
            "x_scale": 0.3,
            "y_scale": 1.0,
            "x_zero": 0,
            "y_zero": 0,
        },
    }


def network(model="mbv2-w0.35", classes=3, with_mix=False):
    """A whole checkpoint of `model`, as the value that the pickle holds."""
    topology = folded_networks.topology(model, with_mix)
    blocks, features = {}, 0
    value = {"first_conv": None, "blocks": [], "feature_mix": None, "classifier": None}
    sources = {"expand": "pointwise1", "depthwise": "depthwise", "project": "pointwise2"}
    for name, layer in topology.convs.items():
        kind = name.rpartition(".")[2]
        depthwise = kind == "depthwise"
        in_channels = layer.out_channels if depthwise else layer.in_channels
        made = conv(layer.out_channels, in_channels, layer.kernel, layer.stride, depthwise)
        if name == "first_conv":
            value["first_conv"] = {**made, "in_shape": 128}
        elif name == "mix":
            value["feature_mix"] = made
        else:
            index = int(name.split(".")[1])
            empty = {"pointwise1": None, "residual": None, "se": None}
            block = blocks.setdefault(index, empty)
            block[sources[kind]] = made
            if index in topology.residuals:
                block["residual"] = {"y_scale": 1.0}
        features = layer.out_channels
    value["blocks"] = [blocks[index] for index in sorted(blocks)]
    value["classifier"] = conv(classes, features)
    return value


class TinyTraining(ConverterTest):
    def write_source(self, value, pickle=None, **zip_options):
        with zipfile.ZipFile(self.source, "w", **zip_options) as archive:
            archive.writestr("archive/data.pkl", pickle_of(value) if pickle is None else pickle)
            archive.writestr("archive/version", "3\n")

    # What a good checkpoint becomes

    def test_every_model_is_recognised_and_named(self):
        for model in folded_networks.NAMES:
            with self.subTest(model):
                self.write_source(network(model))
                status, output = self.run_tool()
                self.assertEqual(status, 0, output)
                tensors, metadata = read_safetensors(self.target)
                self.assertEqual(metadata["model"], model)
                convs = folded_networks.topology(model, False).convs
                expected = {f"{n}.{p}" for n in [*convs, "classifier"] for p in ("weight", "bias")}
                self.assertEqual(set(tensors), expected)

    def test_the_networks_are_those_of_the_paper(self):
        for model, convs, weights in (
            ("mbv2-w0.35", 51, 238_688),
            ("mcunet-5fps", 42, 463_216),
            ("proxyless-w0.3", 60, 320_816),
        ):
            found = folded_networks.topology(model, False).convs
            self.assertEqual(len(found), convs)
            elements = sum(c.out_channels * c.in_channels * c.kernel**2 for c in found.values())
            self.assertEqual(elements, weights)

    def test_values_are_products_in_double_rounded_once(self):
        self.write_source(network())
        self.run_tool()
        tensors, _ = read_safetensors(self.target)
        shape, values = tensors["blocks.1.depthwise.weight"]
        self.assertEqual(shape, [48, 1, 3, 3])
        for index, value in enumerate(values):
            quantised = index % 251 - (256 if index % 251 > 127 else 0)
            self.assertEqual(value, float32(float32(0.1 * (index // 9 + 1)) * quantised))
        shape, values = tensors["blocks.1.project.bias"]
        self.assertEqual(shape, [8])
        for o, value in enumerate(values):
            self.assertEqual(value, float32(float32(0.1 * (o + 1)) * 0.3 * (o * 1000 - 7)))
        self.assertEqual(tensors["classifier.weight"][0], [3, 112])

    def test_metadata(self):
        self.write_source(network())
        self.run_tool()
        _, metadata = read_safetensors(self.target)
        digest = metadata.pop("source_sha256")
        self.assertRegex(digest, "^[0-9a-f]{64}$")
        self.assertEqual(
            metadata,
            {
                "format": "trady",
                "format_version": "1",
                "model": "mbv2-w0.35",
                "batch_norm": "folded",
                "mean": "0.5,0.5,0.5",
                "std": "0.5,0.5,0.5",
                "image_size": "128",
                "class_names": '["0", "1", "2"]',
                "source_file": "net.pkl",
            },
        )

    def test_class_names(self):
        names = self.folder / "names.txt"
        names.write_text("rose\ntulip \nStra\u00dfe\n\n", encoding="utf-8")
        self.write_source(network())
        self.assertEqual(self.run_tool("--class-names", str(names))[0], 0)
        _, metadata = read_safetensors(self.target)
        self.assertEqual(json.loads(metadata["class_names"]), ["rose", "tulip", "Stra\u00dfe"])

    def test_mix_conv(self):
        self.write_source(network("proxyless-w0.3", with_mix=True))
        self.assertEqual(self.run_tool()[0], 0)
        tensors, _ = read_safetensors(self.target)
        self.assertEqual(tensors["mix.weight"][0], [384, 96, 1, 1])
        self.assertEqual(tensors["classifier.weight"][0], [3, 384])

    def test_the_same_source_gives_the_same_bytes_over_an_old_file(self):
        self.write_source(network())
        self.run_tool()
        first = self.target.read_bytes()
        self.target.write_bytes(b"old")
        self.run_tool()
        self.assertEqual(self.target.read_bytes(), first)
        self.assertEqual(int.from_bytes(first[:8], "little") % 8, 0)

    # Pickles that would run code, or could not be data

    def test_forbidden_global_is_named_and_not_run(self):
        marker = self.folder / "ran"
        call = global_opcode("os", "system") + pickled((f"touch {marker}",)) + b"R"
        self.write_source(Raw(call))
        self.assert_refused("net.pkl", "'os.system'", "not run")
        self.assertFalse(marker.exists())

    def test_forbidden_global_deep_inside(self):
        value = network()
        value["blocks"][3]["depthwise"]["params"]["x_scale"] = Raw(
            global_opcode("builtins", "eval") + pickled(("1.0",)) + b"R"
        )
        self.write_source(value)
        self.assert_refused("'builtins.eval'")

    def test_globals_that_resemble_the_allowed_ones(self):
        for module, name in (
            ("numpy.core.multiarray", "fromfile"),
            ("numpy", "load"),
            ("_codecs", "decode"),
            ("numpy.ndarray", "tofile"),
            ("numpy", "dtype.__class__"),
        ):
            with self.subTest(f"{module}.{name}"):
                self.write_source(Raw(global_opcode(module, name)))
                self.assert_refused(f"'{module}.{name}'")

    def test_opcodes_that_data_does_not_need(self):
        instance = b"(X\x01\x00\x00\x00aios\nsystem\n"
        stack_global = pickled("os") + pickled("system") + b"\x93"
        extension = b"\x82\x01"
        persistent = pickled("storage") + b"Q"
        new_object = global_opcode("numpy", "ndarray") + b")\x81"
        cases = {
            "INST": instance,
            "STACK_GLOBAL": stack_global,
            "EXT1": extension,
            "BINPERSID": persistent,
            "NEWOBJ": new_object,
        }
        for opcode, data in cases.items():
            with self.subTest(opcode):
                self.write_source(Raw(data))
                self.assert_refused(f"opcode {opcode}")

    def test_calls_of_something_else_than_an_allowed_global(self):
        for data in (
            pickled("os.system") + pickled(("id",)) + b"R",
            global_opcode("numpy", "dtype") + pickled("i1") + b"R",
            global_opcode("numpy", "dtype") + pickled(()) + b"R",
            global_opcode("_codecs", "encode") + pickled(("a", "rot13")) + b"R",
            global_opcode("numpy", "dtype") + pickled(("O8", False, True)) + b"R",
            global_opcode("numpy.core.multiarray", "_reconstruct") + pickled((1, 2, 3)) + b"R",
        ):
            self.write_source(Raw(data))
            self.assert_refused("net.pkl")

    def test_broken_pickles(self):
        whole = pickle_of(network())
        truncated = [whole[:size] for size in (0, 1, 2, 10, 1000, len(whole) - 1)]
        machine = [
            b"\x80\x02.",
            b"\x80\x04N.",
            b"\x80\x02h\x05.",
            b"\x80\x02e.",
            b"\x80\x02}u.",
            b"\x80\x02}(Nu.",
            b"\x80\x02}(K\x01K\x02u.",
            b"\x80\x02Nb.",
            b"\x80\x02R.",
            b"\x80\x02NN.",
            b"\x80\x02(.",
            b"\x80\x02X\xff\xff\xff\x7fabc.",
            b"\xff\xfe\xfd",
            pickle_of(Raw(b"}(" + pickled("a") + b"N" + pickled("a") + b"Nu")),
            b"\x80\x02" + b"(" * 100_000 + b".",
            b"\x80\x02N" + b"\x85" * 100_000 + b".",
        ]
        for data in truncated + machine:
            with self.subTest(data[:20]):
                self.write_source(None, pickle=data)
                self.assert_refused("net.pkl")

    def test_a_list_that_holds_itself_is_harmless(self):
        value = restricted_pickle.load(b"\x80\x02]q\x00h\x00a.", {})
        self.assertIs(value[0], value)
        self.write_source(Raw(b"]q\x00h\x00a"))
        self.assert_refused("net.pkl")

    def test_a_text_encoded_again_and_again(self):
        text = "x" * 10_000
        bomb = global_opcode("_codecs", "encode") + b"q\x00" + pickled((text, "latin1")) + b"q\x01R"
        bomb += b"h\x00h\x01R" * 1000
        self.write_source(None, pickle=b"\x80\x02(" + bomb + b"t.")
        self.assert_refused("more data than the file has")

    # Archives

    def test_source_that_cannot_be_read(self):
        self.assert_refused("net.pkl", "No such file")
        self.source.mkdir()
        self.assert_refused("net.pkl", "not a plain file")

    def test_source_that_is_no_zip(self):
        for content, part in (
            (b"", "neither a zip archive"),
            (b"hello", "neither a zip archive"),
            (b"PK\x03\x04", "not a zip archive or a truncated one"),
            (pickle_of(None), "a pickle, but not one of torch.save"),
        ):
            self.source.write_bytes(content)
            self.assert_refused("net.pkl", part)

    def test_truncated_zip(self):
        self.write_source(network())
        whole = self.source.read_bytes()
        for size in (100, len(whole) // 2, len(whole) - 10):
            self.source.write_bytes(whole[:size])
            self.assert_refused("net.pkl", "truncated")

    def test_corrupt_data_fails_its_checksum(self):
        self.write_source(network())
        content = bytearray(self.source.read_bytes())
        content[len(content) // 2] ^= 1
        self.source.write_bytes(content)
        self.assert_refused("net.pkl", "CRC")

    def test_compressed_entry(self):
        bomb = b"\x80\x02" + b"N0" * 5_000_000 + b"N."
        self.write_source(None, pickle=bomb, compression=zipfile.ZIP_DEFLATED)
        self.assertLess(self.source.stat().st_size, 100_000)
        self.assert_refused("compressed")

    def test_unexpected_entries(self):
        for names in (
            ["archive/data.pkl", "archive/data/0"],
            ["archive/data.pkl", "../../etc/passwd"],
            ["archive/data.pkl", "other/data.pkl"],
            ["archive/\x1b[2J.pkl"],
            ["data.pkl"],
            ["archive/version"],
            [],
        ):
            with self.subTest(names):
                with zipfile.ZipFile(self.source, "w") as archive:
                    for name in names:
                        archive.writestr(name, pickle_of(network()))
                self.assert_refused("net.pkl")
                self.assertNotIn("\x1b", self.run_tool()[1])

    # Networks that are not what they should be

    def test_missing_and_unknown_parts(self):
        value = network()
        del value["classifier"]
        value["surprise"] = None
        self.write_source(value)
        self.assert_refused("missing 'classifier'", "unknown 'surprise'")

        value = network()
        del value["blocks"][2]["pointwise2"]
        self.write_source(value)
        self.assert_refused("blocks.2", "missing 'pointwise2'")

        for field in ("weight", "bias", "w_scales", "x_scale"):
            value = network()
            del value["blocks"][2]["depthwise"]["params"][field]
            self.write_source(value)
            self.assert_refused("blocks.2.depthwise", f"{field} is missing")

        value = network()
        value["blocks"][4]["se"] = {}
        self.write_source(value)
        self.assert_refused("blocks.4", "squeeze-and-excitation")

    def test_wrong_shapes_name_both(self):
        value = network()
        value["first_conv"]["params"]["weight"] = Array("i1", (16, 3, 3, 2), bytes(16 * 18))
        self.write_source(value)
        self.assert_refused("first_conv", "[16, 3, 3, 2]", "[16, 3, 3, 3]")

        value = network()
        value["classifier"]["params"]["bias"] = Array("i4", (4,), bytes(16))
        self.write_source(value)
        self.assert_refused("classifier", "[4]", "[3]")

        value = network()
        value["classifier"]["params"]["w_scales"] = Array("i4", (3,), bytes(12))
        self.write_source(value)
        self.assert_refused("classifier", "i4", "f4")

        value = network()
        value["classifier"] = conv(3, 100)
        self.write_source(value)
        self.assert_refused("classifier", "[3, 100, 1, 1]", "112")

    def test_arrays_that_are_not_what_they_claim(self):
        for array, part in (
            (Array("i1", (16, 3, 3, 3), bytes(431)), "needs 432 bytes, but holds 431"),
            (Array("i1", (-16, -3, 3, 3), bytes(432)), "no size"),
            (Array("i1", (2,) * 9, bytes(512)), "no tuple of up to 8"),
            (Array("i1", (2147483647,) * 8, b""), "but holds 0"),
            (Array("O8", (16, 3, 3, 3), bytes(432)), "'O8'"),
        ):
            value = network()
            value["first_conv"]["params"]["weight"] = array
            self.write_source(value)
            self.assert_refused("net.pkl", part)

    def test_scales_that_are_not_finite(self):
        for scale in (float("nan"), float("inf"), 3e38):
            value = network()
            scales = Array("f4", (16,), struct.pack("<f", scale) * 16)
            value["first_conv"]["params"]["w_scales"] = scales
            self.write_source(value)
            self.assert_refused("first_conv.weight", "not finite")

    def test_an_array_whose_type_is_nested_beyond_measure(self):
        dtype = global_opcode("numpy", "dtype") + pickled((DEEP_TUPLE, False, True)) + b"R"
        self.write_source(Raw(dtype))
        self.assert_refused("type that is no text")

    def test_one_block_again_and_again(self):
        value = network()
        block = pickled(value["blocks"][0])
        value["blocks"] = Raw(b"](" + block + b"q\x00" + b"h\x00" * 1000 + b"e")
        self.write_source(value)
        self.assert_refused("blocks is not a list of up to 64 blocks")

    def test_differences_from_the_models_are_all_listed(self):
        value = network("mcunet-5fps")
        value["blocks"][3]["residual"] = {}
        value["blocks"][5]["depthwise"]["stride"] = 1
        value["blocks"].pop()
        value["classifier"] = conv(3, 96)
        self.write_source(value)
        self.assert_refused(
            "mcunet-5fps, the closest known model",
            "blocks.3 has a residual connection",
            "blocks.5.depthwise is [120, 1, 3, 3] stride 1, expected [120, 1, 3, 3] stride 2",
            "blocks.13.expand is missing, expected [576, 96, 1, 1] stride 1",
            "blocks.13.depthwise is missing",
            "blocks.13.project is missing",
            "in 5 places",
        )

    def test_forced_model(self):
        self.write_source(network("mcunet-5fps"))
        self.assertEqual(self.run_tool("--model", "mcunet-5fps")[0], 0)
        self.target.unlink()
        self.assert_refused(
            "differs from mbv2-w0.35, the model asked for",
            "blocks.1.expand",
            options=["--model", "mbv2-w0.35"],
        )
        self.assert_refused("unknown model 'mbv3'", "proxyless-w0.3", options=["--model", "mbv3"])

    # What the user says, and where it is written to

    def test_class_names_that_do_not_fit(self):
        self.write_source(network())
        names = self.folder / "names.txt"
        for content, part in (
            (b"rose\ntulip\n", "2 class names, the classifier has 3"),
            (b"rose\n\ntulip\n", "line 2"),
            (b"rose\ntulip\nrose\n", "line 3"),
            (b"\xff\xfe\n\n\n", "UTF-8"),
        ):
            names.write_bytes(content)
            self.assert_refused("names.txt", part, options=["--class-names", str(names)])
        self.assert_refused("none.txt", options=["--class-names", str(self.folder / "none.txt")])

    def test_target_that_cannot_be_written(self):
        self.write_source(network())
        for target, part in (
            (self.folder / "no" / "such" / "folder.safetensors", "No such file"),
            (self.folder, "not a plain file"),
            (pathlib.Path("/dev/full"), "not a plain file"),
            (self.source, "is the file to convert"),
        ):
            with self.subTest(target):
                before = sorted(item.name for item in self.folder.iterdir())
                output = io.StringIO()
                with contextlib.redirect_stderr(output):
                    status = convert_checkpoint.main([str(self.source), str(target)])
                self.assertEqual(status, 1)
                self.assertIn(part, output.getvalue())
                self.assertEqual(sorted(item.name for item in self.folder.iterdir()), before)

    def test_a_full_disk_leaves_the_old_file(self):
        import resource
        import signal

        self.write_source(network())
        self.target.write_bytes(b"old")
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
            status, output = self.run_tool()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)
        self.assertEqual(status, 1)
        self.assertIn("File too large", output)
        self.assertEqual(self.target.read_bytes(), b"old")
        self.assertEqual(len(list(self.folder.iterdir())), 2)

    def test_help_teaches_by_example(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output), self.assertRaises(SystemExit) as ended:
            convert_checkpoint.main(["--help"])
        self.assertEqual(ended.exception.code, 0)
        self.assertIn("tools/convert_checkpoint.py resnet18.pth", output.getvalue())


if __name__ == "__main__":
    unittest.main()
