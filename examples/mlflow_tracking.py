"""Watch a training with MLflow: `pip install mlflow`; it writes to ./mlruns, no account needed."""

import sys

import gantlet
from gantlet.training.callback import End, Start, Tick


class MLflow(gantlet.Callback):
    """Hands over settings, rows of the log and grids; goes on where the run went on."""

    def on_start(self, start: Start) -> None:
        import mlflow

        name = start.folder / "mlflow-id.txt"
        known = name.read_text() if name.exists() else None
        run = mlflow.start_run(run_id=known, run_name=start.folder.name)
        if known is None:
            name.write_text(run.info.run_id)
            mlflow.log_dict(dict(start.config), "config.yaml")

    def on_tick(self, tick: Tick) -> None:
        import mlflow

        row = tick.row
        numbers = {key: row[key] for key in row if isinstance(row[key], int | float)}
        mlflow.log_metrics(numbers, step=row["seen"])
        mlflow.log_artifact(str(tick.picture), "samples")

    def on_end(self, end: End) -> None:
        import mlflow

        mlflow.set_tag("verdict", str(end.verdict))
        mlflow.end_run("KILLED" if end.reason == "stopped" else "FINISHED")


if __name__ == "__main__":
    samples = int(sys.argv[1]) if sys.argv[1:] else 20_000
    gantlet.train("digits", samples=samples, callbacks=[MLflow()])
