"""The vault of a study: who hides behind each pseudonym, one file a workshop, mode 600 in a folder of mode 700."""

from pathlib import Path

import pandas as pd

from pipeline.pseudonymise import VAULT
from pipeline.study import Study, text_hash, write_parquet


def vault_path(study: Study, folder: str) -> Path:
    """Where the key of a workshop's folder lies."""
    return study.vault / f"{text_hash(folder)[:16]}.parquet"


def read_vault(study: Study, folder: str) -> pd.DataFrame:
    """Return the key that earlier runs found; no row at first."""
    path = vault_path(study, folder)
    return VAULT.check(pd.read_parquet(path)) if path.is_file() else VAULT.empty()


def write_vault(study: Study, folder: str, key: pd.DataFrame) -> None:
    """Keep the key of a workshop."""
    study.vault.mkdir(mode=0o700, parents=True, exist_ok=True)
    study.vault.chmod(0o700)
    write_parquet(VAULT.check(key), vault_path(study, folder), mode=0o600)
