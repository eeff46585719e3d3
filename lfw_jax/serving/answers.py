"""The answers of the service, as the OpenAPI document describes them."""

from pydantic import BaseModel, Field


class ErrorDetail(BaseModel):
    """The reason of a refusal."""

    code: str = Field(description="The reason as one word, such as no_face.")
    message: str = Field(description="The reason as a sentence.")


class ErrorAnswer(BaseModel):
    """The shape of all errors."""

    error: ErrorDetail


class FaceAnswer(BaseModel):
    """A face in a photo."""

    box: tuple[float, float, float, float] = Field(
        description="Left, top, right and bottom, in pixels of the upright photo."
    )
    points: list[tuple[float, float]] = Field(description="Eyes, nose and corners of the mouth, in pixels.")
    score: float = Field(description="The detector's confidence, from 0 to 1.")


class PhotoAnswer(BaseModel):
    """A photo and its faces."""

    width: int
    height: int
    faces: list[FaceAnswer] = Field(description="Best score first; none for a model that takes whole photos.")
    face: int | None = Field(description="The number of the chosen face, from 0; null for the whole photo.")
    crop: str | None = Field(None, description="The aligned face as a data URI of a JPEG file, if it was asked for.")


class DetectAnswer(BaseModel):
    """The faces of a photo."""

    photo: PhotoAnswer


class EmbeddedFace(BaseModel):
    """The embedding of one face."""

    face: int | None = Field(description="The number of the face, from 0; null for the whole photo.")
    embedding: list[float] = Field(description="Of length 1.")


class EmbeddedPhoto(BaseModel):
    """The faces of a photo, and the embeddings of the chosen ones."""

    width: int
    height: int
    faces: list[FaceAnswer]
    embeddings: list[EmbeddedFace]


class EmbedAnswer(BaseModel):
    """The embeddings of photos."""

    model: str = Field(description="SHA-256 of the model: embeddings of different models cannot be compared.")
    photos: list[EmbeddedPhoto]


class RateAnswer(BaseModel):
    """An error rate that was measured on test images, with its 95 % interval."""

    value: float
    interval: tuple[float, float]


class VerifyAnswer(BaseModel):
    """The decision for two photos, with its evidence and the error rates to expect."""

    first: PhotoAnswer
    second: PhotoAnswer
    same: bool = Field(description="True if the distance is below the threshold.")
    distance: float = Field(description="Euclidean distance of the two embeddings, from 0 to 2.")
    log_likelihood_ratio: float
    probability: float = Field(description="Of one identity, if both answers were equally likely before.")
    threshold: float
    target_rate: float = Field(description="The false match rate that the threshold was chosen for.")
    false_match_rate: RateAnswer
    false_non_match_rate: RateAnswer


class HitAnswer(BaseModel):
    """A face of the gallery."""

    rank: int
    identity: str = Field(description='Its identity by the gallery, such as the name of its folder; "" for none.')
    source: str = Field(description="Its file, below the folder of all files of the gallery.")
    same: bool = Field(description="True if the distance is below the threshold.")
    distance: float
    log_likelihood_ratio: float
    probability: float = Field(
        description="Of one identity, each hit by itself, at a prior of 1 / (faces of the gallery + 1)."
    )
    picture: str | None = Field(None, description="Data URI of a JPEG file; null if the file cannot be read.")


class SearchAnswer(BaseModel):
    """The nearest faces of the gallery, nearest first."""

    photo: PhotoAnswer
    gallery: int = Field(description="Number of faces in the gallery.")
    threshold: float
    target_rate: float = Field(description="The false match rate of one comparison that the threshold was chosen for.")
    hits: list[HitAnswer]


class HealthAnswer(BaseModel):
    """The state of the service."""

    status: str
