"""Amazon Rekognition as an engine: cars and wheels from DetectLabels or DetectCustomLabels.

`answers` reads what the service says, `photo` makes what it takes, `service` calls it by boto3,
`projects` starts and stops a Custom Labels model: `python -m carpose.rekognition`.
"""
