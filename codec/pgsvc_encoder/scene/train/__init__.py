"""Training of layered scenes from posed pictures, with exact numbers of splats at each level."""

from pgsvc_encoder.scene.train.settings import METHODS, TrainingSettings
from pgsvc_encoder.scene.train.train import TrainedScene, train_scene, train_views

__all__ = ["METHODS", "TrainedScene", "TrainingSettings", "train_scene", "train_views"]
