"""What every section of settings is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]


class Frozen(BaseModel):
    """A section: never changed once read, and a key that it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
