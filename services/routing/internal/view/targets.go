package view

import routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"

// Target is a rung that the line can have, by its id: its last resort, or one of its sites' or people's; nil where it has
// none of that id.
func (l *Line) Target(id string) *routingv1.RouteTarget {
	if id == LastResortID {
		return l.LastResort
	}
	for i := range l.Sites {
		if t := targetIn(l.Sites[i].Site.Targets, id); t != nil {
			return t
		}
	}
	for _, r := range l.Rotas {
		for _, p := range r.people {
			if t := targetIn(p.Targets, id); t != nil {
				return t
			}
		}
	}
	return nil
}

func targetIn(targets []*routingv1.RouteTarget, id string) *routingv1.RouteTarget {
	for _, t := range targets {
		if t.GetTargetId() == id {
			return t
		}
	}
	return nil
}
