"""What the trainings of the box, line and page networks share: options, fitting, their folders."""
